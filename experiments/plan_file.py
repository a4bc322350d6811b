"""Plans of comparisons as YAML files; see ``experiments/configs/`` for examples."""

from __future__ import annotations

import difflib
import shlex
from pathlib import Path
from typing import Any

from brmrs_graph.errors import ConfigError
from experiments.plan import Arm, Plan
from experiments.yaml_file import read_yaml

PLAN_KEYS = ("dataset", "common", "reference", "seeds", "trial_seeds", "arms")
ARM_KEYS = ("options", "trials", "against", "seeds")


def read_plan(path: Path, dataset: str = "") -> Plan:
    """Reads a plan.

    Args:
        path: The file.
        dataset: Data set of a plan that names none; the name of the comparison then ends with it.

    Raises:
        ConfigError: Naming what is missing or wrong in the file.
    """
    plan = _Part(str(path), read_yaml(path, "--plan"), PLAN_KEYS)
    named = plan.text("dataset")
    if not named and not dataset:
        raise ConfigError(f"{path} names no data set; give one with --dataset")
    if named and dataset not in ("", named):
        raise ConfigError(f"{path} is a plan for the data set '{named}'; leave out --dataset {dataset}")
    arms = _Part(f"{path}, arms", plan.needed("arms"))
    plan.needed("seeds")
    return Plan(
        name=path.stem if named else f"{path.stem}-{dataset}",
        dataset=named or dataset,
        arms=tuple(_arm(name, _Part(f"{path}, arm '{name}'", arm, ARM_KEYS)) for name, arm in arms.content.items()),
        reference=str(plan.needed("reference")),
        seeds=plan.seeds("seeds"),
        trial_seeds=plan.seeds("trial_seeds") or (1,),
        common=plan.words("common"),
    )


def _arm(name: str, arm: _Part) -> Arm:
    return Arm(str(name), arm.words("options"), arm.trials(), arm.text("against"), arm.seeds("seeds"))


class _Part:
    # A mapping in the file and where it stands, so that whatever is wrong with an entry is told with its place.

    def __init__(self, where: str, content: Any, known: tuple[str, ...] = ()) -> None:
        if not isinstance(content, dict):
            example = f"{known[0] if known else 'NAME'}: …"
            raise ConfigError(f"{where}: {_shown(content)} stands where entries such as '{example}' belong")
        self.where, self.content = where, content
        for key in content:
            if known and key not in known:
                close = difflib.get_close_matches(str(key), known, n=1)
                hint = f"did you mean '{close[0]}'?" if close else f"it takes {', '.join(known)}"
                raise ConfigError(f"{where}: '{key}' is unknown; {hint}")

    def needed(self, key: str) -> Any:
        if self.content.get(key) is None:
            raise ConfigError(f"{self.where}: '{key}' is missing; give it")
        return self.content[key]

    def text(self, key: str) -> str:
        value = self.content.get(key)
        if isinstance(value, list | dict):
            raise ConfigError(f"{self.where}: {key} is {_shown(value)}; give one text")
        return "" if value is None else str(value)

    def words(self, key: str) -> tuple[str, ...]:
        return self._split(key, self.text(key))

    def trials(self) -> tuple[tuple[str, ...], ...]:
        values = self.content.get("trials", [""])
        if not isinstance(values, list) or not all(value is None or isinstance(value, str) for value in values):
            raise ConfigError(
                f"{self.where}: trials is {_shown(values)}; give a list of options, one line '- --model.dim 32' a trial"
            )
        return tuple(self._split("trials", value or "") for value in values)

    def seeds(self, key: str) -> tuple[int, ...]:
        values = self.content.get(key, [])
        if not isinstance(values, list) or not all(type(value) is int for value in values):
            raise ConfigError(f"{self.where}: {key} is {_shown(values)}; give a list of numbers, such as [1, 2]")
        return tuple(values)

    def _split(self, key: str, text: str) -> tuple[str, ...]:
        try:
            return tuple(shlex.split(text))
        except ValueError as error:
            raise ConfigError(f"{self.where}: {key} '{text}' cannot be split into words: {error}") from error


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)
