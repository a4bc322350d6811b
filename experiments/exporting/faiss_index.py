"""The item vectors as an index of faiss."""

from __future__ import annotations

import importlib
from pathlib import Path

from brmrs_graph.errors import ConfigError
from brmrs_graph.serving import TrainedModel
from experiments.exporting.base import ExportOptions, VectorExport


class FaissIndex(VectorExport):
    """``BRANCH.items.faiss``, a flat index by inner product; position i is row i of ``items.parquet`` beside it.

    Raises:
        ConfigError: If faiss is not installed.
    """

    def __init__(self, model: TrainedModel, options: ExportOptions) -> None:
        super().__init__(model, options)
        try:
            self._faiss = importlib.import_module("faiss")
        except ImportError as error:
            raise ConfigError(
                f"an index needs the package faiss, which cannot be imported here ({error}): pip install faiss-cpu, or "
                "leave faiss out of --what"
            ) from error

    def write(self, folder: Path) -> None:
        """Writes the index and the ids."""
        items = self.model.branches.items(self.options.branch).contiguous().numpy()
        index = self._faiss.IndexFlatIP(items.shape[1])
        index.add(items)
        self._faiss.write_index(index, str(folder / f"{self.options.branch}.items.faiss"))
        self.model.kept.write(folder)
