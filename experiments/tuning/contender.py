"""A model that is tuned: its options, its search space, and where its search starts."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from optuna import Trial
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)

from brmrs_graph.errors import ConfigError
from experiments.catalog import REPOSITORY
from experiments.plan import Arm, Plan, folder_name
from experiments.settings import RunSettings, parse
from experiments.tuning.space import SearchSpaces, Space, option_type, spell, to_words

PUBLISHED = REPOSITORY / "experiments" / "configs" / "models"
FIRST = "first"
"""User attribute of the trial that a search starts with."""


@dataclass(frozen=True)
class Contender:
    """A model with its search.

    Args:
        arm: Its options, those published for the data set among them.
        objective: The objective that they resolve to.
        published: Whether there are such options.
        space: What is tuned.
        first: Parameters of the first trial, which has the options of the arm as they are.
        study: Name of its Optuna study.
    """

    arm: Arm
    objective: str
    published: bool
    space: Space
    first: Mapping[str, Any]
    study: str

    @property
    def model(self) -> str:
        """Its name."""
        return self.arm.name

    @property
    def start(self) -> str:
        """What its first trial has."""
        return "its published options" if self.published else "its defaults"

    def budget(self, trials: int) -> int:
        """Trials that it gets: one where there is nothing to choose."""
        return trials if self.space else 1

    def words(self, trial: Trial) -> tuple[str, ...]:
        """Draws the parameters of a trial, and gives them as options."""
        values = {option: _suggest(trial, option, distribution) for option, distribution in self.space.items()}
        # The parameters of the first trial are the nearest in the search space to what it really has.
        if trial.user_attrs.get(FIRST):
            return ()
        return tuple(word for option, value in values.items() for word in to_words(option, value))


def contenders(plan: Plan, spaces: SearchSpaces) -> tuple[Contender, ...]:
    """The contenders of a plan with one arm for each model.

    Options that are common to all runs of the plan are not tuned.

    Raises:
        ConfigError: If the options of an arm are out of range.
    """
    return tuple(_contender(plan, arm, spaces) for arm in plan.arms)


def arm_of(model: str, objective: str, dataset: str, common: Sequence[str]) -> Arm:
    """The arm of a model: its published options for a data set, unless ``common`` sets them.

    Raises:
        ConfigError: If the file with the published options cannot be read.
    """
    published = grouped(published_options(model, dataset))
    words = [word for name, group in published.items() if name not in grouped(common) for word in group]
    chosen = ("--objective", objective) if objective else ()
    return Arm(model, ("--model", model, *chosen, *words))


def published_options(model: str, dataset: str) -> tuple[str, ...]:
    """Options that the authors of a model publish for a data set; none where they do not.

    Raises:
        ConfigError: If the file cannot be read.
    """
    path: Path = PUBLISHED / f"{model}.yaml"
    if not path.is_file():
        return ()
    try:
        return tuple(shlex.split((yaml.safe_load(path.read_text()) or {}).get(dataset, {}).get("options", "")))
    except (yaml.YAMLError, AttributeError, ValueError) as error:
        raise ConfigError(f"{path} must hold `options` by data set: {error!r}") from error


def grouped(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Command-line words by option, named as in ``train.lr``."""
    groups: dict[str, tuple[str, ...]] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word[2:].split("=")[0].replace("_", "-").replace(".no-", ".")
            groups[name] = ()
        groups[name] = (*groups.get(name, ()), word)
    return groups


def _contender(plan: Plan, arm: Arm, spaces: SearchSpaces) -> Contender:
    options = plan.options(arm, ())
    settings = parse(options)
    fixed = grouped(plan.common)
    space: Space = {}
    first = {}
    for option, distribution in spaces.of(plan.dataset, settings.model, settings.objective).items():
        if option not in fixed:
            space[option], first[option] = _with_start(distribution, _start(settings, option))
    return Contender(
        arm,
        settings.objective,
        bool(published_options(settings.model, plan.dataset)),
        space,
        first,
        _study_name(plan, arm, settings, space),
    )


def _study_name(plan: Plan, arm: Arm, settings: RunSettings, space: Space) -> str:
    drawn = {option: distribution_to_json(distribution) for option, distribution in space.items()}
    key = json.dumps([folder_name(plan.options(arm, ())), plan.trial_seeds, drawn], sort_keys=True)
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    return f"{plan.dataset}/{settings.model}/{settings.objective}/{digest}"


def _start(settings: RunSettings, option: str) -> bool | str:
    section, name = option.split(".", 1)
    config = settings.options if section == "model" else getattr(settings, section)
    return spell(option_type(settings.model, option), getattr(config, name.replace("-", "_")))


def _with_start(distribution: BaseDistribution, start: bool | str) -> tuple[BaseDistribution, Any]:
    """What is drawn from, with the start among the choices, and the start in it."""
    if isinstance(distribution, CategoricalDistribution):
        choices = dict.fromkeys([*distribution.choices, start])
        return CategoricalDistribution(list(choices)), start
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    value = type(distribution.low)(start)
    return distribution, min(max(value, distribution.low), distribution.high)


def _suggest(trial: Trial, option: str, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(option, distribution.choices)
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(option, distribution.low, distribution.high, log=distribution.log)
    assert isinstance(distribution, FloatDistribution)
    return trial.suggest_float(option, distribution.low, distribution.high, log=distribution.log)
