"""The scores as a program of torch.export, which needs nothing of this project."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from experiments.exporting.base import VectorExport


class Scorer(VectorExport):
    """``BRANCH.scorer.pt2``: takes rows of ``users.parquet``, int64 [B], and gives scores of all items, [B, |I|].

    Item i is row i of ``items.parquet`` beside it. ``torch.export.load(path).module()`` makes it callable.
    """

    def write(self, folder: Path) -> None:
        """Writes the program and the ids."""
        module = _Scores(*self.model.branches.tables()[self.options.branch])
        dynamic = {"users": {0: torch.export.Dim("batch")}}
        program = torch.export.export(module, (torch.tensor([0, 0]),), dynamic_shapes=dynamic)
        torch.export.save(program, folder / f"{self.options.branch}.scorer.pt2")
        self.model.kept.write(folder)


class _Scores(nn.Module):
    user_vectors: Tensor
    item_vectors: Tensor

    def __init__(self, users: Tensor, items: Tensor) -> None:
        super().__init__()
        self.register_buffer("user_vectors", users.detach())
        self.register_buffer("item_vectors", items.detach())

    def forward(self, users: Tensor) -> Tensor:
        return self.user_vectors[users] @ self.item_vectors.t()
