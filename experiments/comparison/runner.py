"""Carries out training runs, each in a process and a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from experiments.catalog import REPOSITORY
from experiments.plan import folder_name
from experiments.runfolder import RunFolder

Run = tuple[tuple[str, ...], int]
"""Options of ``experiments.run`` and the seed."""


@dataclass(frozen=True)
class Failure:
    """A run that failed.

    Args:
        options: Its options.
        seed: Its seed.
        message: The end of what it said.
    """

    options: tuple[str, ...]
    seed: int
    message: str


@dataclass(frozen=True)
class Runner:
    """Does runs, several at a time with one CPU thread each.

    Runs of the same settings share a folder, whatever asked for them; a run that was stopped is gone on with.

    Args:
        out: Where the folders are: ``OUT/DATASET/SETTINGS/SEED``.
        dataset: Data set.
        data_root: Folder that holds the data set's folder.
        jobs: Runs at a time.
    """

    out: Path
    dataset: str
    data_root: Path | None = None
    jobs: int = 1

    def folder(self, options: Sequence[str], seed: int) -> RunFolder:
        """The folder of a run."""
        return RunFolder(self.out / self.dataset / folder_name(options) / str(seed))

    def finished(self, run: Run) -> bool:
        """Whether the folder of a run holds all that it is to hold."""
        return self.folder(*run).read_metrics() is not None

    def run(self, runs: Sequence[Run], what: str) -> list[Failure]:
        """Does runs that are not finished; one that fails stops no other.

        Args:
            runs: The runs; those that are there twice are done once.
            what: Said beside the progress bar.

        Returns:
            The runs that failed.
        """
        missing = list({self.folder(*run).path: run for run in runs if not self.finished(run)}.values())
        with (
            ThreadPoolExecutor(max(self.jobs, 1)) as pool,
            tqdm(total=len(missing), desc=what, unit="run", disable=not missing) as bar,
        ):
            failures = []
            for failure in pool.map(self._run_one, missing):
                bar.update()
                if failure is not None:
                    failures.append(failure)
        return failures

    def _run_one(self, run: Run) -> Failure | None:
        options, seed = run
        folder = self.folder(options, seed)
        arguments = [*options, "--seed", str(seed), "--out", str(folder.path), "--threads", "1"]
        if self.data_root:
            arguments += ["--data-root", str(self.data_root)]
        if (folder.path / "config.yaml").is_file():
            arguments.append("--resume")
        process = subprocess.run(
            [sys.executable, "-m", "experiments.run", *arguments],
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))},
            capture_output=True,
            text=True,
            check=False,
        )
        return None if process.returncode == 0 else Failure(options, seed, process.stderr.strip()[-500:])
