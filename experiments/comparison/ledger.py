"""Finds what is known of the runs of a comparison: in an earlier results file, or in the folders of runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from brmrs_graph.data import MultimodalDataset, PlantedConfig
from brmrs_graph.errors import ConfigError
from brmrs_graph.models import model_class
from experiments.catalog import is_there, load, load_for, place
from experiments.comparison.held_out import TestPairs
from experiments.comparison.record import RunRecord
from experiments.comparison.runner import Run, Runner
from experiments.plan import folder_name, settings_of
from experiments.settings import PLANTED, RunSettings


@dataclass
class Ledger:
    """Records of runs by options and seed.

    A results file holds the records of all runs that it was made from, so that a comparison goes on from it where the
    folders are not at hand.

    Args:
        runner: Knows where the folders are.
        earlier: Results file of an earlier run of the comparison; need not be there.

    Raises:
        ConfigError: If the file cannot be read.
    """

    runner: Runner
    earlier: Path
    _known: dict[tuple[str, int], RunRecord] = field(default_factory=dict)
    _kept: dict[str, Any] = field(default_factory=dict)
    _loaded: dict[PlantedConfig | None, MultimodalDataset] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Reads the records of the earlier results."""
        if not self.earlier.is_file():
            return
        try:
            content = json.loads(self.earlier.read_text())
            if "runs" in content:
                pairs = TestPairs.from_json(content["held_out"])
                records = [RunRecord.from_json(run, len(pairs.degree)) for run in content["runs"]]
                self._known = {(record.key, record.seed): record for record in records}
                self._kept = {"pairs": pairs, "data": content["data"], "versions": content["versions"]}
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{self.earlier} cannot be read as the results of a comparison ({error!r}); choose another --results"
            ) from error

    def record(self, run: Run, *, test: bool = False) -> RunRecord | None:
        """What is known of a run; None where it is not finished.

        Args:
            run: Options and seed.
            test: Whether its test is to be looked at, which is for the chosen trials alone.
        """
        options, seed = run
        key = (folder_name(options), seed)
        known = self._known.get(key)
        if known is None or (test and known.test is None):
            folder = self.runner.folder(options, seed)
            known = RunRecord.of_trial(folder)
            if known is None:
                return None
            if test:
                data = self._data(settings_of(options))
                if "pairs" not in self._kept:
                    self._kept["pairs"] = TestPairs.of(data)
                known = known.with_test(folder, data, self.pairs)
            self._known[key] = known
        return known

    def records(self, runs: Sequence[Run], *, test: bool = False) -> list[RunRecord]:
        """What is known of some runs, those left out that are not finished."""
        return [record for run in runs if (record := self.record(run, test=test)) is not None]

    @property
    def pairs(self) -> TestPairs:
        """The test pairs that records with a test are over; there are none before the first such record."""
        pairs: TestPairs = self._kept["pairs"]
        return pairs

    def about(self, runs: Sequence[Run]) -> dict[str, Any]:
        """``data`` and ``versions`` of some runs: of one that uses item content, if there is one.

        Models without content read the data set without its features, and count none.
        """
        for run in sorted(runs, key=lambda run: not model_class(settings_of(run[0]).model).needs_content):
            metrics = self.runner.folder(*run).read_metrics()
            if metrics is not None:
                return {key: metrics[key] for key in ("data", "versions")}
        return {key: self._kept[key] for key in ("data", "versions")}

    def check_data(self, runs: Iterable[Run]) -> None:
        """Checks that the data set, where it lies on this machine, still is what finished runs were made on.

        Runs that go on check it themselves; this is for when none does.

        Raises:
            ConfigError: If it has changed.
        """
        name, root = self.runner.dataset, self.runner.data_root
        finished = next(((options, record) for options, seed in runs if (record := self.record((options, seed)))), None)
        if finished is None or (name != PLANTED and not is_there(place(name, root))):
            return
        options, record = finished
        now = load_for(replace(settings_of(options), data_root=root)).content_hash
        if now != record.data:
            raise ConfigError(
                f"the data set '{name}' has changed since its runs were made (content hash {record.data} "
                f"then, {now} now); choose another --out and --results, or put together what is finished by --jobs 0"
            )

    def remaining(self, runs: Sequence[Run]) -> str:
        """How many of some runs are not finished and how long they take, judging by those of the same model."""
        missing = {(folder_name(options), seed): options for options, seed in runs if not self.record((options, seed))}
        seconds: dict[str, list[float]] = {}
        for record in self._known.values():
            seconds.setdefault(record.model, []).append(record.seconds)
        if not missing or not seconds:
            return f"{len(missing)} of {len(runs)} runs to do"
        everything = float(np.mean([x for of_model in seconds.values() for x in of_model]))
        models = [settings_of(options).model for options in missing.values()]
        hours = sum(float(np.mean(seconds.get(model, [everything]))) for model in models) / 3600
        return f"{len(missing)} of {len(runs)} runs to do, about {hours:.1f} core-hours"

    def _data(self, settings: RunSettings) -> MultimodalDataset:
        # Interactions are all that is needed of the data set, and the features may take minutes to encode.
        planted = settings.planted
        if planted not in self._loaded:
            self._loaded[planted] = load(self.runner.dataset, self.runner.data_root, features=False, planted=planted)
        return self._loaded[planted]
