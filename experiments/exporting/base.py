"""What every export form is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brmrs_graph.branches import FUSED
from brmrs_graph.errors import CheckpointError, ConfigError
from brmrs_graph.serving import TrainedModel
from brmrs_graph.sparse_branches import SparseBranches


@dataclass(frozen=True)
class ExportOptions:
    """What can be chosen of the content.

    Args:
        n: Items a user in the lists.
        branch: The branch that ranks.
        filter_seen: Whether a user's training items are left out of the lists.
    """

    n: int = 20
    branch: str = FUSED
    filter_seen: bool = True


class Export(ABC):
    """One form of a trained model; making one checks that it can be written.

    Args:
        model: The model.
        options: What to write.

    Raises:
        BRMRSError: If the model cannot take this form, or a package is missing.
    """

    def __init__(self, model: TrainedModel, options: ExportOptions) -> None:
        self.model, self.options = model, options

    @abstractmethod
    def write(self, folder: Path) -> None:
        """Writes its files into a folder."""


@dataclass(frozen=True)
class Table:
    """The vectors of one side of a branch.

    Args:
        branch: Name of the branch.
        side: ``"users"`` or ``"items"``.
        ids: Original ids, length N.
        vectors: float32, shape [N, d].
        texts: Text of every row, where there are any.
    """

    branch: str
    side: str
    ids: NDArray[np.object_]
    vectors: NDArray[np.float32]
    texts: NDArray[np.object_] | None

    @property
    def name(self) -> str:
        """Where it is from, as the start of a file name."""
        return f"{self.branch}.{self.side}"


class VectorExport(Export):
    """A form that is made of dense vectors.

    Raises:
        ConfigError: If the model has none.
        CheckpointError: If the name of a branch would lead to another folder.
    """

    def __init__(self, model: TrainedModel, options: ExportOptions) -> None:
        super().__init__(model, options)
        if isinstance(model.branches, SparseBranches):
            raise ConfigError(
                "the model scores by neighbours and has no embeddings; export its recommendations by --what lists"
            )
        for branch in model.names:
            if Path(branch).name != branch:
                raise CheckpointError(f"the branch '{branch}' of the run has a name that no file can have")

    def tables(self) -> Iterator[Table]:
        """Users and items of every branch."""
        kept = self.model.kept
        for branch, (users, items) in self.model.branches.tables().items():
            yield Table(branch, "users", _objects(kept.user_ids), users.numpy(), None)
            texts = None if kept.texts is None else _objects(kept.texts)
            yield Table(branch, "items", _objects(kept.item_ids), items.numpy(), texts)


def _objects(values: object) -> NDArray[np.object_]:
    return np.array(values, dtype=object)
