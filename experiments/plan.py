"""What a comparison consists of: arms, the trials among which validation chooses, and seeds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from brmrs_graph import __version__
from brmrs_graph.errors import ConfigError
from brmrs_graph.models import model_class, model_names
from brmrs_graph.training import PRESETS
from experiments.runfolder import MAY_DIFFER
from experiments.settings import RunSettings, parse, to_dict


@dataclass(frozen=True)
class Arm:
    """One thing that is compared.

    Args:
        name: Its name in tables.
        options: Options of ``experiments.run`` that make it what it is.
        trials: Further options, among which the validation metric chooses; every arm should have equally many.
        against: Name of the arm that it is tested against, where that is not the reference of the plan.
        seeds: Seeds of its final runs, where they are not those of the plan.
    """

    name: str
    options: tuple[str, ...]
    trials: tuple[tuple[str, ...], ...] = ((),)
    against: str = ""
    seeds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A whole comparison.

    Args:
        name: Its name.
        dataset: Data set.
        arms: What is compared.
        reference: Name of the arm that the others are tested against.
        seeds: Seeds of the final runs.
        trial_seeds: Seeds of the runs that choose a trial.
        common: Options for every run.
    """

    name: str
    dataset: str
    arms: tuple[Arm, ...]
    reference: str
    seeds: tuple[int, ...]
    trial_seeds: tuple[int, ...] = (1,)
    common: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Checks that the reference is an arm, that there is something to compare, and that no run counts twice."""
        names = [arm.name for arm in self.arms]
        if self.reference not in names:
            raise ConfigError(f"reference '{self.reference}' is none of the arms: {', '.join(names)}")
        if len(set(names)) < len(names) or not self.seeds:
            raise ConfigError("a comparison needs arms of different names and at least one seed")
        for arm in self.arms:
            if arm.against and (arm.against not in names or arm.against == arm.name):
                raise ConfigError(f"arm '{arm.name}' is to be tested against '{arm.against}', which is no other arm")
            if not arm.trials:
                raise ConfigError(f"arm '{arm.name}' has an empty list of trials; give one, or leave the list out")
        given = {"seeds": self.seeds, "trial_seeds": self.trial_seeds}
        for what, seeds in (given | {f"the seeds of arm '{arm.name}'": arm.seeds for arm in self.arms}).items():
            if len(set(seeds)) < len(seeds):
                raise ConfigError(f"{what} are to differ, but are {', '.join(map(str, seeds))}; give each seed once")

    def options(self, arm: Arm, trial: Sequence[str]) -> tuple[str, ...]:
        """All options of a run, except seed and places."""
        return ("--dataset", self.dataset, *self.common, *arm.options, *trial)

    def trial_runs(self, arm: Arm, trial: Sequence[str]) -> list[tuple[tuple[str, ...], int]]:
        """The runs that tell how good a trial is; none where there is nothing to choose."""
        return [(self.options(arm, trial), seed) for seed in self.trial_seeds] if len(arm.trials) > 1 else []

    def final_runs(self, arm: Arm, trial: Sequence[str]) -> list[tuple[tuple[str, ...], int]]:
        """The runs that an arm is judged by, once its trial is chosen."""
        return [(self.options(arm, trial), seed) for seed in arm.seeds or self.seeds]


def folder_name(options: Sequence[str]) -> str:
    """A folder name for runs with these options.

    It is made from the settings that they resolve to, so that arms which ask for the same thing share their runs, and a
    changed preset, model (its ``revision``) or version never finds old ones.

    Raises:
        ConfigError: If an option has a value out of range.
    """
    resolved = to_dict(settings_of(tuple(options)))
    settings = {name: value for name, value in resolved.items() if name not in {*MAY_DIFFER, "seed"}}
    revision = model_class(resolved["model"]).revision
    code = [__version__, revision] if revision else [__version__]
    return hashlib.sha256(json.dumps([*code, settings], sort_keys=True).encode()).hexdigest()[:12]


@cache
def settings_of(options: tuple[str, ...]) -> RunSettings:
    """The settings that options resolve to; reading a command line takes 50 ms, so that each is read once.

    Raises:
        ConfigError: If an option has a value out of range.
    """
    return parse(options)


def quick_plan(dataset: str, names: Sequence[str], seeds: int) -> Plan:
    """A comparison without trials of objectives and models by name.

    Raises:
        ConfigError: If a name is neither.
    """
    arms = []
    for name in names:
        if name in PRESETS:
            arms.append(Arm(name, ("--objective", name)))
        elif name in model_names():
            arms.append(Arm(name, ("--model", name)))
        else:
            known = ", ".join([*PRESETS, *model_names()])
            raise ConfigError(f"'{name}' is neither an objective nor a model; choose among {known}")
    return Plan(f"{dataset}-{'-'.join(names)}", dataset, tuple(arms), names[0], tuple(range(1, seeds + 1)))
