"""Compare objectives and models over seeds: ``python -m experiments.compare --dataset NAME --arms a b c``."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from brmrs_graph.diagnosis.report.style import save
from brmrs_graph.errors import TrainingError
from brmrs_graph.files import write_bytes
from experiments import cli
from experiments.comparison.chart import draw
from experiments.comparison.forms import latex, markdown, terminal
from experiments.comparison.ledger import Ledger
from experiments.comparison.runner import Failure, Runner
from experiments.comparison.summary import choose, summarize
from experiments.plan import Plan, quick_plan
from experiments.plan_file import read_plan


@dataclass(frozen=True)
class CompareSettings:
    """Compare objectives and models over several seeds, with paired tests.

    Either a plan (a YAML file with arms, trials and seeds) or a data set with the names of objectives and models. Where
    a plan has trials, each arm's options are chosen by validation alone; test figures are read for the chosen ones
    only. Finished runs are kept, in their folders and in the results file, and not repeated: the same command goes on
    after a stop, and a run that fails stops no other.
    """

    plan: Path | None = None
    """Plan of the comparison, see experiments/configs/."""
    dataset: str = ""
    """Data set, where the plan names none (default without a plan: boutique)."""
    arms: tuple[str, ...] = ("default", "bpr")
    """Objectives (of the model brmrs) and models; the others are tested against the first."""
    seeds: int = 5
    """Number of seeds, where there is no plan."""
    common: str = ""
    """Options for every run, such as "--train.lr 0.005"; what an arm says itself stands."""
    data_root: Path | None = None
    """Folder that holds the data set's folder."""
    out: Path = Path("runs/compare")
    """Where runs are kept."""
    results: Path | None = None
    """JSON file for the results (default: OUT/NAME.json); tables (.md, .tex) and a chart (.png, .svg) lie beside it."""
    jobs: int | None = None
    """Runs at a time, one CPU thread each (default: as many as CPUs; on a cluster as GPUs, if it has any); 0: only put
    together what is finished."""
    ray: str = ""
    """Ray cluster that runs are spread over, HOST:PORT or auto (default: this machine)."""


def command(arguments: Sequence[str]) -> None:
    """Parses the command line and compares."""
    compare(cli.read_options(CompareSettings, arguments, "python -m experiments.compare"))


def compare(settings: CompareSettings) -> dict[str, Any]:
    """Runs what is missing, chooses trials, and writes and prints the table.

    Returns:
        The content of the results file.

    Raises:
        ConfigError: If the plan is wrong.
        TrainingError: If runs failed; the results of the others are written.
    """
    if settings.plan:
        plan = read_plan(settings.plan, settings.dataset)
    else:
        plan = quick_plan(settings.dataset or "boutique", settings.arms, settings.seeds)
    plan = replace(plan, common=(*plan.common, *shlex.split(settings.common)))
    return conduct(plan, settings, _command(settings))


def conduct(plan: Plan, settings: CompareSettings, command: str) -> dict[str, Any]:
    """Carries out a plan: trials, choice by validation, final runs, results.

    Args:
        plan: The comparison.
        settings: Where and how; what the plan says is not looked at.
        command: Repeats it.

    Returns:
        The content of the results file.

    Raises:
        ConfigError: If the reference has no finished run, or runs were made on different data.
        DataError: If the data set is not there and something is to be run.
        TrainingError: If runs failed; the results of the others are written.
    """
    path = settings.results or settings.out / f"{plan.name}.json"
    runner = Runner(settings.out, plan.dataset, settings.data_root, settings.jobs, settings.ray)
    ledger = Ledger(runner, path)
    failures: list[Failure] = []
    trials = [run for arm in plan.arms for trial in arm.trials for run in plan.trial_runs(arm, trial)]
    chosen = {arm.name: choose(plan, arm, ledger) for arm in plan.arms}
    if settings.jobs != 0:
        # Before trials are done any of them stands for the chosen one, which only the estimate looks at.
        finals = [run for arm in plan.arms for run in plan.final_runs(arm, chosen[arm.name] or arm.trials[0])]
        print(f"{plan.name}: {ledger.remaining([*trials, *finals])}")
        missing = [run for run in trials if ledger.record(run) is None]
        failures += runner.run(missing, f"{plan.name}: trials")
        chosen = {arm.name: choose(plan, arm, ledger) for arm in plan.arms}
        finals = [
            run
            for arm in plan.arms
            if (trial := chosen[arm.name]) is not None
            for run in plan.final_runs(arm, trial)
            if (record := ledger.record(run)) is None or (record.test is None and not runner.finished(run))
        ]
        failures += runner.run(finals, f"{plan.name}: runs")
        if not missing and not finals and not settings.ray:
            ledger.check_data(run for arm in plan.arms for run in plan.final_runs(arm, chosen[arm.name] or ()))
    results = summarize(plan, ledger, chosen, failures, command)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, dumps(results).encode())
    write_bytes(path.with_suffix(".md"), markdown(results).encode())
    write_bytes(path.with_suffix(".tex"), latex(results).encode())
    save(draw(results), path.with_suffix(""))
    Console().print(terminal(results))
    print(shlex.join([*shlex.split(command), *_places(settings)]))
    print(f"written to {path}, with tables (.md, .tex) and a chart (.png, .svg) beside it")
    if failures:
        raise TrainingError(
            f"{len(failures)} runs failed; the first was `python -m experiments.run "
            f"{shlex.join(failures[0].options)} --seed {failures[0].seed}`, which said: {failures[0].message}"
        )
    return results


def dumps(results: dict[str, Any]) -> str:
    """JSON with one line for each run."""
    runs = ",\n  ".join(json.dumps(run) for run in results["runs"])
    rest = json.dumps({key: value for key, value in results.items() if key != "runs"}, indent=2)
    return f'{rest[:-2]},\n  "runs": [\n  {runs}\n  ]\n}}\n'


def _places(settings: CompareSettings) -> list[str]:
    # Not in the results, which are the same wherever they are made.
    words = ["--data-root", str(settings.data_root)] if settings.data_root else []
    return words if settings.out == CompareSettings.out else [*words, "--out", str(settings.out)]


def _command(settings: CompareSettings) -> str:
    words = ["python", "-m", "experiments.compare"]
    if settings.plan:
        words += ["--plan", str(settings.plan)]
    if settings.dataset:
        words += ["--dataset", settings.dataset]
    if not settings.plan:
        words += ["--arms", *settings.arms, "--seeds", str(settings.seeds)]
    return cli.line_with(words, settings.common)


if __name__ == "__main__":
    sys.exit(cli.main(command))
