"""Tune models by validation: ``python -m experiments.tune --dataset NAME --models a b c --trials 8``."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rich.console import Console

from brmrs_graph.errors import ConfigError, TrainingError
from brmrs_graph.files import write_bytes
from experiments import cli
from experiments.catalog import REPOSITORY, ensure_available
from experiments.comparison.runner import Runner
from experiments.plan import Plan
from experiments.tuning.budget import Tuning, spend
from experiments.tuning.contender import arm_of, contenders, grouped
from experiments.tuning.report import plan_text, results, table
from experiments.tuning.space import SearchSpaces
from experiments.tuning.studies import Studies, shown

PROGRAM = "python -m experiments.tune"


@dataclass(frozen=True)
class TuneSettings:
    """Tune models with Optuna, every one with the same number of trials.

    A trial is one training run, judged by validation Recall@20; the test is not looked at. The first trial of a model
    has its published options for the data set, or its defaults. Trials are kept in a storage: the same command goes on
    after a stop, and several processes or machines that are given the same storage share the work.

    Example: python -m experiments.tune --dataset boutique --models brmrs freedom mgcn --trials 8
    """

    dataset: str = "boutique"
    """Data set."""
    models: tuple[str, ...] = ("brmrs",)
    """Models; the first one is the reference of the plan that is written."""
    trials: int = 8
    """Trials of each model, those that are pruned among them."""
    seed: int = 1
    """Seed of every run and of the search."""
    objective: str = ""
    """Objective of all models (default: each one's own)."""
    common: str = ""
    """Options of experiments.run for every run, such as "--train.epochs 200"; they are not tuned."""
    search: Path = REPOSITORY / "experiments" / "configs" / "search.yaml"
    """Search spaces."""
    prune: bool = True
    """Stop trials whose validation falls behind."""
    data_root: Path | None = None
    """Folder that holds the data set's folder."""
    storage: str = ""
    """URL of Optuna's storage (default: sqlite:///OUT/tune-DATASET.db)."""
    out: Path = Path("runs/compare")
    """Where runs are kept, as by experiments.compare, and the results (tune-DATASET.json)."""
    jobs: int | None = None
    """Runs at a time, one CPU thread each (default: as many as CPUs; on a cluster as GPUs, if it has any)."""
    ray: str = ""
    """Ray cluster that runs are spread over, HOST:PORT or auto (default: this machine); this process alone uses the
    storage."""
    plan: Path | None = None
    """Plan for experiments.compare with the best options (default: OUT/tuned-DATASET.yaml)."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        for name, value in (("trials", self.trials), ("jobs", self.jobs)):
            if value is not None and value < 1:
                raise ConfigError(f"{name} is {value}; it must be at least 1")
        if len(set(self.models)) < len(self.models):
            raise ConfigError(f"models are {', '.join(self.models)}; name each one once")


OWN_OPTIONS = ("dataset", "model", "objective", "seed", "data-root", "out", "resume", "threads")
"""Options of a run that this command sets itself."""


def command(arguments: Sequence[str]) -> None:
    """Parses the command line and tunes."""
    tune(cli.read_options(TuneSettings, arguments, PROGRAM))


def tune(settings: TuneSettings) -> dict[str, Any]:
    """Does the trials that are missing, and writes and prints what they found.

    Returns:
        The content of the results file.

    Raises:
        ConfigError: If options, search spaces or storage are wrong.
        TrainingError: If a model could not be run; the results of the others are written.
        KeyboardInterrupt: After Ctrl-C, saying how to go on.
    """
    tuning = prepare(settings)
    if not settings.ray:
        ensure_available(settings.dataset, settings.data_root)
    settings.out.mkdir(parents=True, exist_ok=True)
    studies = tuning.open()
    print(_outlook(tuning, studies))
    try:
        errors = spend(tuning, studies)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"trials are kept in {shown(tuning.storage)} and runs in {settings.out}; the same command goes on:\n"
            f"{_command(settings)}"
        ) from None
    found = results(tuning, studies, _command(settings))
    path = settings.out / f"tune-{settings.dataset}.json"
    write_bytes(path, (json.dumps(found, indent=2) + "\n").encode())
    Console().print(table(found))
    print(f"written to {path}")
    if text := plan_text(tuning, found):
        plan = settings.plan or settings.out / f"tuned-{settings.dataset}.yaml"
        plan.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(plan, text.encode())
        places = ["--out", str(settings.out), *(["--data-root", str(settings.data_root)] if settings.data_root else [])]
        print(f"next: {shlex.join(['python', '-m', 'experiments.compare', '--plan', str(plan), *places])}")
    if errors:
        model, message = next(iter(errors.items()))
        raise TrainingError(f"{len(errors)} of {len(tuning.contenders)} models could not be run; {model}: {message}")
    return found


def prepare(settings: TuneSettings) -> Tuning:
    """What is to be tuned.

    Raises:
        ConfigError: If options or search spaces are wrong.
    """
    common = tuple(shlex.split(settings.common))
    if own := [name for name in OWN_OPTIONS if name in grouped(common)]:
        raise ConfigError(f"--common has --{own[0]}, which is an option of this command or set by it; leave it out")
    plan = Plan(
        name=f"tune-{settings.dataset}",
        dataset=settings.dataset,
        arms=tuple(arm_of(model, settings.objective, settings.dataset, common) for model in settings.models),
        reference=settings.models[0],
        seeds=(settings.seed,),
        trial_seeds=(settings.seed,),
        common=common,
    )
    return Tuning(
        plan,
        contenders(plan, SearchSpaces.read(settings.search)),
        Runner(settings.out, settings.dataset, settings.data_root, settings.jobs, settings.ray),
        settings.storage or f"sqlite:///{settings.out}/tune-{settings.dataset}.db",
        settings.trials,
        settings.prune,
    )


def _outlook(tuning: Tuning, studies: Studies) -> str:
    lines = [
        f"{tuning.plan.name}: validation Recall@20, seed {tuning.plan.trial_seeds[0]}, storage {shown(tuning.storage)}"
    ]
    for contender in tuning.contenders:
        count = studies.count(contender)
        options = f"{len(contender.space)} options" if contender.space else "nothing to tune"
        states = f"{count.finished} finished, {count.running} running, {count.left} left"
        lines.append(f"  {contender.model} ({contender.objective}, {options}): {count.budget} trials, {states}")
        if earlier := studies.earlier(contender):
            lines.append(
                f"    not gone on with: {len(earlier)} studies of {contender.model} in this storage, which have "
                "another search space, other options or another seed"
            )
    return "\n".join(lines)


def _command(settings: TuneSettings) -> str:
    words = PROGRAM.split()
    default = TuneSettings()
    for field in fields(settings):
        value = getattr(settings, field.name)
        value = shown(value) if field.name == "storage" else value
        name = field.name.replace("_", "-")
        if field.name not in ("dataset", "models", "trials") and value == getattr(default, field.name):
            continue
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        else:
            words += [f"--{name}", *(value if isinstance(value, tuple) else [str(value)])]
    return shlex.join(words)


if __name__ == "__main__":
    sys.exit(cli.main(command))
