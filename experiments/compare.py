"""Compare objectives and models over seeds: ``python -m experiments.compare --dataset NAME --arms a b c``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from rich.console import Console
from tqdm import tqdm

from brmrs_graph.errors import ConfigError, TrainingError
from brmrs_graph.evaluation import paired_bootstrap, recall
from brmrs_graph.files import write_bytes
from brmrs_graph.models import model_class
from experiments import cli
from experiments.catalog import REPOSITORY
from experiments.plan import Arm, Plan, folder_name, quick_plan, read_plan
from experiments.report import comparison_table
from experiments.runfolder import RunFolder

METRICS = ("recall@10", "recall@20", "ndcg@10", "ndcg@20")
CHOSEN_BY = "recall@20"


@dataclass(frozen=True)
class CompareSettings:
    """Compare objectives and models over several seeds, with paired tests.

    Either a plan (a YAML file with arms, trials and seeds) or a data set with the names of objectives and models. Where
    a plan has trials, each arm's options are chosen by validation alone; test figures are read for the chosen ones
    only. Finished runs are kept and not repeated, so that the same command goes on after a stop.
    """

    plan: Path | None = None
    """Plan of the comparison, see experiments/configs/."""
    dataset: str = "boutique"
    """Data set, where there is no plan."""
    arms: tuple[str, ...] = ("default", "bpr")
    """Objectives (of the model brmrs) and models; the others are tested against the first."""
    seeds: int = 5
    """Number of seeds, where there is no plan."""
    data_root: Path | None = None
    """Folder that holds the data set's folder."""
    out: Path = Path("runs/compare")
    """Where runs are kept."""
    results: Path | None = None
    """JSON file for the results (default: OUT/NAME.json)."""
    jobs: int = os.cpu_count() or 1
    """Runs at a time, one CPU thread each."""


def command(arguments: Sequence[str]) -> None:
    """Parses the command line and compares."""
    compare(tyro.cli(CompareSettings, args=list(arguments), prog="python -m experiments.compare"))


def compare(settings: CompareSettings) -> dict[str, Any]:
    """Runs what is missing, chooses trials, and writes and prints the table.

    Returns:
        The content of the results file.

    Raises:
        ConfigError: If the plan is wrong.
        TrainingError: If runs failed; the others are kept.
    """
    plan = read_plan(settings.plan) if settings.plan else quick_plan(settings.dataset, settings.arms, settings.seeds)
    runner = Runner(plan, settings)
    trials = [plan.options(arm, trial) for arm in plan.arms if len(arm.trials) > 1 for trial in arm.trials]
    runner.run([(options, seed) for options in trials for seed in plan.trial_seeds], "trials")
    chosen = {arm.name: runner.choose(arm) for arm in plan.arms}
    finals = [(plan.options(arm, chosen[arm.name]), seed) for arm in plan.arms for seed in plan.seeds]
    runner.run(finals, "runs")
    results = runner.summarize(chosen)
    path = settings.results or settings.out / f"{plan.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, (json.dumps(results, indent=2) + "\n").encode())
    Console().print(comparison_table(results))
    print(f"written to {path}")
    return results


class Runner:
    """Carries out the runs of a plan as separate processes.

    Args:
        plan: The comparison.
        settings: Where and how.
    """

    def __init__(self, plan: Plan, settings: CompareSettings) -> None:
        self.plan = plan
        self.settings = settings

    def folder(self, options: Sequence[str], seed: int) -> RunFolder:
        """The run folder of options and seed."""
        return RunFolder(self.settings.out / self.plan.dataset / folder_name(options) / str(seed))

    def run(self, runs: list[tuple[tuple[str, ...], int]], what: str) -> None:
        """Does the runs that are not finished.

        Raises:
            TrainingError: If some failed, naming the first one's message; all others are done first.
        """
        missing = [run for run in dict.fromkeys(runs) if self.folder(*run).read_metrics() is None]
        failures = []
        with (
            ThreadPoolExecutor(self.settings.jobs) as pool,
            tqdm(total=len(missing), desc=f"{self.plan.name}: {what}", unit="run", disable=not missing) as bar,
        ):
            for failure in pool.map(lambda run: self._run_one(*run), missing):
                bar.update()
                if failure:
                    failures.append(failure)
        if failures:
            raise TrainingError(f"{len(failures)} of {len(missing)} runs failed; the first said: {failures[0]}")

    def choose(self, arm: Arm) -> tuple[str, ...]:
        """The trial with the best mean validation metric."""
        return max(arm.trials, key=lambda trial: self.validation(self.plan.options(arm, trial))) if arm.trials else ()

    def validation(self, options: Sequence[str]) -> float:
        """Mean validation metric over the trial seeds; 0 where it was not needed."""
        metrics = [self.folder(options, seed).read_metrics() for seed in self.plan.trial_seeds]
        return float(np.mean([m["valid"][CHOSEN_BY] if m else 0.0 for m in metrics]))

    def summarize(self, chosen: dict[str, tuple[str, ...]]) -> dict[str, Any]:
        """Means, deviations and paired tests."""
        plan = self.plan
        arms: dict[str, Any] = {}
        users: dict[str, np.ndarray] = {}
        hashes: dict[bool, set[str]] = {True: set(), False: set()}
        for arm in plan.arms:
            options = plan.options(arm, chosen[arm.name])
            folders = [self.folder(options, seed) for seed in plan.seeds]
            metrics = [folder.read_metrics() or {} for folder in folders]
            # Models without content read the data set without its features, which has a hash of its own.
            hashes[model_class(metrics[0]["model"]).needs_content] |= {m["data"]["hash"] for m in metrics}
            users[arm.name] = np.stack([recall(folder.read_ranking("test", "fused"), 20).numpy() for folder in folders])
            arms[arm.name] = {
                "options": " ".join(options),
                "trials": {
                    " ".join(trial): self.validation(plan.options(arm, trial))
                    for trial in arm.trials
                    if len(arm.trials) > 1
                },
                **{split: _spread(metrics, split) for split in ("valid", "test")},
                "branches": {
                    branch: _spread([m["branches"]["test"] for m in metrics], branch)
                    for branch in metrics[0]["branches"]["test"]
                },
                "epochs": [m["training"]["epochs"] for m in metrics],
                "seconds": [m["training"]["train_seconds"] for m in metrics],
            }
        first = metrics[0]
        if any(len(different) > 1 for different in hashes.values()):
            raise ConfigError(
                f"the runs in {self.settings.out / plan.dataset} were made on different data (content hashes "
                f"{', '.join(sorted(set().union(*hashes.values())))}); choose another --out"
            )
        results: dict[str, Any] = {
            "name": plan.name,
            "command": _command(self.settings),
            "dataset": plan.dataset,
            "data": first["data"],
            "versions": first["versions"],
            "seeds": list(plan.seeds),
            "reference": plan.reference,
            "arms": arms,
            "against_reference": {},
        }
        for arm in plan.arms:
            if arm.name != plan.reference:
                difference = paired_bootstrap(users[plan.reference], users[arm.name])
                results["against_reference"][arm.name] = {
                    "metric": "test recall@20, reference minus arm",
                    "mean": difference.mean,
                    "low": difference.low,
                    "high": difference.high,
                    "p": difference.p_value,
                }
        return results

    def _run_one(self, options: Sequence[str], seed: int) -> str:
        folder = self.folder(options, seed)
        arguments = [*options, "--seed", str(seed), "--out", str(folder.path), "--threads", "1"]
        if self.settings.data_root:
            arguments += ["--data-root", str(self.settings.data_root)]
        if (folder.path / "config.yaml").is_file():
            arguments.append("--resume")
        process = subprocess.run(
            [sys.executable, "-m", "experiments.run", *arguments],
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            check=False,
        )
        return "" if process.returncode == 0 else process.stderr.strip()[-500:]


def _spread(metrics: list[dict[str, Any]], key: str) -> dict[str, dict[str, float]]:
    values = {name: [m[key][name] for m in metrics] for name in METRICS}
    return {
        name: {"mean": float(np.mean(x)), "std": float(np.std(x, ddof=1)) if len(x) > 1 else 0.0}
        for name, x in values.items()
    }


def _command(settings: CompareSettings) -> str:
    start = "python -m experiments.compare"
    if settings.plan:
        return f"{start} --plan {settings.plan}"
    return f"{start} --dataset {settings.dataset} --arms {' '.join(settings.arms)} --seeds {settings.seeds}"


if __name__ == "__main__":
    sys.exit(cli.main(command))
