"""Search spaces: which options of ``experiments.run`` are tuned, and over what."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from brmrs_graph.errors import ConfigError
from brmrs_graph.models import model_config, model_names
from brmrs_graph.training import PRESETS, ObjectiveConfig, TrainConfig
from experiments.yaml_file import read_yaml

Space = dict[str, BaseDistribution]
"""Option -> what it is drawn from."""
Ranges = Mapping[str, BaseDistribution | None]
"""The same, as one part of a file has it; None: the option is not tuned, whatever an earlier part says."""

PARTS = ("common", "objectives", "models", "datasets")


@dataclass(frozen=True)
class SearchSpaces:
    """The search spaces of a file, see ``experiments/configs/search.yaml``.

    Later parts replace the options of earlier ones.

    Args:
        path: The file.
        common: Options of every model.
        objectives: Options by objective.
        models: Options by model.
        datasets: Options by data set and model.
    """

    path: Path
    common: Ranges
    objectives: Mapping[str, Ranges]
    models: Mapping[str, Ranges]
    datasets: Mapping[str, Mapping[str, Ranges]]

    @classmethod
    def read(cls, path: Path) -> SearchSpaces:
        """Reads and checks a file.

        Raises:
            ConfigError: Naming file and field, and what to write instead.
        """
        parts = _Field(str(path), "", read_yaml(path, "--search")).children(PARTS, "part")
        objectives = parts["objectives"].children(tuple(PRESETS), "objective") if "objectives" in parts else {}
        models = parts["models"].children(tuple(model_names()), "model") if "models" in parts else {}
        datasets = parts["datasets"].children(None, "data set") if "datasets" in parts else {}
        return cls(
            path,
            parts["common"].ranges(None) if "common" in parts else {},
            {name: field.ranges(None) for name, field in objectives.items()},
            {name: field.ranges(name) for name, field in models.items()},
            {
                dataset: {name: field.ranges(name) for name, field in of_models.items()}
                for dataset, field in datasets.items()
                if (of_models := field.children(tuple(model_names()), "model"))
            },
        )

    def of(self, dataset: str, model: str, objective: str) -> Space:
        """The search space of a model with an objective on a data set."""
        merged: dict[str, BaseDistribution | None] = {}
        for part in (
            self.common,
            self.objectives.get(objective, {}),
            self.models.get(model, {}),
            self.datasets.get(dataset, {}).get(model, {}),
        ):
            merged |= part
        return {option: distribution for option, distribution in merged.items() if distribution is not None}


def option_type(model: str | None, option: str) -> Any:
    """The type of an option, such as ``train.lr`` or ``model.num-layers``.

    Raises:
        ValueError: Saying which options there are, if there is no such option.
    """
    types = _option_types(model)
    if option not in types:
        near = [name for name in types if name.startswith(option.split(".")[0] + ".")] or list(types)
        raise ValueError(f"is no option of {model or 'every model'}; choose among {', '.join(near)}")
    return types[option]


@cache
def _option_types(model: str | None) -> dict[str, Any]:
    sections: dict[str, type] = {"train": TrainConfig, "loss": ObjectiveConfig}
    if model is not None:
        sections["model"] = model_config(model)
    return {
        f"{section}.{name.replace('_', '-')}": kind
        for section, config in sections.items()
        for name, kind in get_type_hints(config).items()
    }


def spell(kind: Any, value: Any) -> bool | str:
    """A value of an option as a choice: True or False for a switch, otherwise the words after the option's name.

    Raises:
        ValueError: If the option cannot have the value.
    """
    arguments = get_args(kind)
    if kind is bool:
        if not isinstance(value, bool):
            raise ValueError(f"'{value}' is neither true nor false")
        return value
    if kind in (int, float):
        return repr(_number(kind, value)).removesuffix(".0")
    if get_origin(kind) is Literal:
        if value not in arguments:
            raise ValueError(f"'{value}' is none of {', '.join(arguments)}")
        return str(value)
    if isinstance(value, Mapping):
        value = " ".join(f"{name} {number}" for name, number in value.items())
    words = [] if value is None else shlex.split(" ".join(value) if isinstance(value, tuple) else str(value))
    if isinstance(get_origin(kind), type) and issubclass(get_origin(kind), Mapping):
        if len(words) % 2:
            raise ValueError(f"'{value}' is not of the form NAME VALUE NAME VALUE")
        words[1::2] = [str(spell(arguments[1], word)) for word in words[1::2]]
    return shlex.join(words)


def to_words(option: str, value: Any) -> tuple[str, ...]:
    """Option and value as they stand on the command line; nothing for an empty value.

    Numbers out of a range are rounded to three digits.
    """
    if isinstance(value, bool):
        section, name = option.split(".", 1)
        return (f"--{option}",) if value else (f"--{section}.no-{name}",)
    if isinstance(value, str):
        return (f"--{option}", *shlex.split(value)) if value else ()
    return (f"--{option}", f"{value:.3g}" if isinstance(value, float) else str(value))


@dataclass(frozen=True)
class _Field:
    """A field of the file: where it is, and what is in it."""

    file: str
    name: str
    content: Any

    def wrong(self, what: str) -> ConfigError:
        return ConfigError(f"{self.file}: {self.name} {what}" if self.name else f"{self.file} {what}")

    def at(self, key: str) -> _Field:
        return _Field(self.file, f"{self.name}.{key}" if self.name else key, self.content[key])

    def children(self, known: Sequence[str] | None, what: str) -> dict[str, _Field]:
        if not isinstance(self.content, dict):
            raise self.wrong(f"is '{self.content}'; it must hold names and values")
        for key in self.content:
            if known is not None and key not in known:
                raise self.at(key).wrong(f"is no {what}; choose one of {', '.join(known)}")
        return {str(key): self.at(key) for key in self.content}

    def ranges(self, model: str | None) -> Ranges:
        return {option: field.distribution(model, option) for option, field in self.children(None, "option").items()}

    def distribution(self, model: str | None, option: str) -> BaseDistribution | None:
        try:
            kind = option_type(model, option)
        except ValueError as error:
            raise self.wrong(str(error)) from None
        if self.content is None:
            return None
        try:
            if isinstance(self.content, list):
                return _choices(kind, self.content)
            if isinstance(self.content, dict):
                return _range(kind, self.content)
        except ValueError as error:
            raise self.wrong(f"cannot be used: {error}") from error
        raise self.wrong(
            f"is '{self.content}'; write a range {{low: 0.1, high: 1, log: true}}, a list of choices, or null for an "
            "option that is not to be tuned"
        )


def _choices(kind: Any, listed: Sequence[Any]) -> BaseDistribution:
    choices = [spell(kind, value) for value in listed]
    if not choices or len(set(choices)) < len(choices):
        raise ValueError("there must be choices, and no two of them alike")
    return CategoricalDistribution(choices)


def _range(kind: Any, about: Mapping[str, Any]) -> BaseDistribution:
    if kind not in (int, float):
        raise ValueError("the option is no number and takes a list of choices")
    if not {"low", "high"} <= about.keys() <= {"low", "high", "log"}:
        raise ValueError("a range has low and high, and may have log")
    low, high, log = _number(kind, about["low"]), _number(kind, about["high"]), about.get("log", False)
    if log not in (True, False):
        raise ValueError(f"log is '{log}', which is neither true nor false")
    if low > high:
        raise ValueError(f"low is {low} and high is {high}; swap them")
    if log and low <= 0:
        raise ValueError(f"low is {low}; a logarithmic range starts above 0")
    return (IntDistribution if kind is int else FloatDistribution)(low, high, log=log)


def _number(kind: type, value: Any) -> Any:
    # YAML takes 1e-3 for text, since it lacks a point; int(2.5) would be 2, and int(True) 1.
    if isinstance(value, str if kind is int else str | float) or type(value) is int:
        with suppress(ValueError):
            number = kind(value)
            if math.isfinite(number):
                return number
    raise ValueError(f"'{value}' is no {'whole number' if kind is int else 'number'}")
