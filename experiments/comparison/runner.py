"""Carries out the training runs of a comparison, each in a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from brmrs_graph.errors import BRMRSError
from experiments.catalog import ensure_available
from experiments.executors.base import Executor
from experiments.executors.cluster import RayExecutor
from experiments.executors.local import LocalExecutor
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
        jobs: Runs at a time; None: as many as there are CPUs, or what :class:`RayExecutor` takes.
        ray: Address of the Ray cluster that they are spread over; empty: they run on this machine.
    """

    out: Path
    dataset: str
    data_root: Path | None = None
    jobs: int | None = 1
    ray: str = ""

    def folder(self, options: Sequence[str], seed: int) -> RunFolder:
        """The folder of a run."""
        return RunFolder(self.out / self.dataset / folder_name(options) / str(seed))

    def finished(self, run: Run) -> bool:
        """Whether the folder of a run holds all that it is to hold."""
        return self.folder(*run).read_metrics() is not None

    def arguments(self, options: Sequence[str], seed: int) -> tuple[str, ...]:
        """All arguments of ``experiments.run`` for a run."""
        places = ("--data-root", str(self.data_root)) if self.data_root else ()
        return (*options, "--seed", str(seed), "--out", str(self.folder(options, seed).path), "--threads", "1", *places)

    def executor(self) -> Executor:
        """What carries out the runs; to be used in a ``with`` statement.

        Raises:
            ConfigError: If the cluster cannot be used.
            DataError: If the data set is not there; on a cluster it may lie elsewhere.
        """
        if self.ray:
            return RayExecutor(self.ray, self.jobs, self.out, self.data_root)
        ensure_available(self.dataset, self.data_root)
        return LocalExecutor(self.jobs or os.cpu_count() or 1)

    def run(self, runs: Sequence[Run], what: str) -> list[Failure]:
        """Does runs that are not finished; one that fails stops no other.

        Args:
            runs: The runs; those that are there twice are done once.
            what: Said beside the progress bar.

        Returns:
            The runs that failed.

        Raises:
            ConfigError: If the cluster cannot be used.
            DataError: If the data set is not there.
            KeyboardInterrupt: After Ctrl-C, saying how to go on.
        """
        missing = list({self.folder(*run).path: run for run in runs if not self.finished(run)}.values())
        if not missing:
            return []
        failures = []
        try:
            with self.executor() as executor, tqdm(total=len(missing), desc=what, unit="run") as bar:
                for failure in executor.map(lambda run: self._run_one(run, executor), missing):
                    bar.update()
                    if failure is not None:
                        failures.append(failure)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"runs are kept in {self.out}; the same command goes on") from None
        return failures

    def _run_one(self, run: Run, executor: Executor) -> Failure | None:
        try:
            executor.train(self.arguments(*run))
        except (BRMRSError, OSError) as error:
            return Failure(*run, str(error))
        return None
