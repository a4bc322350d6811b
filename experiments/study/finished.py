"""A finished run and what can be read from its folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import CheckpointError, ConfigError
from brmrs_graph.evaluation import Ranking
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.sampling import Direction
from brmrs_graph.training import ObjectiveConfig
from brmrs_graph.training.candidates import inconsistency_graphs
from experiments.catalog import load_for
from experiments.runfolder import RunFolder
from experiments.settings import RunSettings

KEPT_DATASETS = 2


class LoadedData:
    """A data set and what follows from it alone.

    Args:
        data: The data set.
    """

    def __init__(self, data: MultimodalDataset) -> None:
        self.data = data

    @cached_property
    def lookalikes(self) -> dict[Direction, SparseGraph]:
        """(A, B) -> the items close to each item in A and different in B, by the defaults of the objective."""
        config = ObjectiveConfig()
        k = min(config.neighbors, self.data.num_items - 1)
        return inconsistency_graphs(self.data, self.data.modalities, k, config.delta)


class FinishedRun:
    """A finished run; what takes time to read is read once, and only if it is asked for.

    Args:
        folder: The run folder.
        other_seeds: Folders of the runs with the same options and other seeds.
        datasets: Data sets by content hash, shared between runs, so that each is loaded once; a few are kept.
    """

    def __init__(
        self,
        folder: RunFolder,
        other_seeds: Sequence[RunFolder] = (),
        datasets: dict[str, LoadedData] | None = None,
    ) -> None:
        self.folder = folder
        self.other_seeds = tuple(other_seeds)
        self._datasets = {} if datasets is None else datasets

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The content of ``metrics.json``.

        Raises:
            CheckpointError: If the run is not finished.
        """
        metrics = self.folder.read_metrics()
        if metrics is None:
            raise CheckpointError(f"the run in {self.folder.path} is not finished; go on with it by --resume")
        return metrics

    @cached_property
    def settings(self) -> RunSettings:
        """The settings that it was made with."""
        return self.folder.read_settings()

    @cached_property
    def branches(self) -> Branches:
        """The embeddings of every branch."""
        return self.folder.read_branches()

    @property
    def modalities(self) -> tuple[str, ...]:
        """The unimodal branches, in the model's order."""
        return self.branches.modalities

    @cached_property
    def rankings(self) -> dict[str, Ranking]:
        """The test rankings: by modality, and by the fused score."""
        return {name: self.folder.read_ranking("test", name) for name in (*self.modalities, FUSED)}

    @cached_property
    def other_rankings(self) -> tuple[Ranking, ...]:
        """The fused test rankings of the other seeds."""
        return tuple(folder.read_ranking("test", FUSED) for folder in self.other_seeds)

    @property
    def data_hash(self) -> str:
        """Content hash of the data that the run saw."""
        return str(self.metrics["data"]["hash"])

    @property
    def data(self) -> MultimodalDataset:
        """The data set that the run saw, before its features were rotated.

        Raises:
            ConfigError: If the data set has changed since.
        """
        return self._loaded().data

    @property
    def lookalikes(self) -> dict[Direction, SparseGraph]:
        """(A, B) -> the items of this data set that are close to each item in A and different in B."""
        return self._loaded().lookalikes

    def _loaded(self) -> LoadedData:
        if self.data_hash not in self._datasets:
            data = load_for(self.settings)
            if data.content_hash != self.data_hash:
                raise ConfigError(
                    f"the data set '{data.name}' has changed since the run in {self.folder.path} was made (content "
                    f"hash {self.data_hash} then, {data.content_hash} now); choose another --out"
                )
            while len(self._datasets) >= KEPT_DATASETS:
                self._datasets.pop(next(iter(self._datasets)))
            self._datasets[self.data_hash] = LoadedData(data)
        return self._datasets[self.data_hash]
