"""The held-out pairs that everything here is measured on, and what their users know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset


@dataclass(frozen=True)
class HeldOutPairs:
    """The pairs of a split, by user and then by item.

    Args:
        everyone: Users with held-out items, int64, shape [n], ascending: those of a ranking of the split.
        row: Position in ``everyone`` of the user of every pair, int64, shape [P].
        items: Item of every pair, int64, shape [P].
    """

    everyone: Tensor
    row: Tensor
    items: Tensor

    @property
    def users(self) -> Tensor:
        """User of every pair, int64, shape [P]."""
        return self.everyone[self.row]


def held_out_pairs(data: MultimodalDataset, split: str = "test") -> HeldOutPairs:
    """The pairs of a split of a data set."""
    matrix = data.split(split).sorted_indices()
    count = np.diff(matrix.indptr)
    everyone = torch.from_numpy(np.flatnonzero(count))
    row = torch.arange(everyone.numel()).repeat_interleave(torch.from_numpy(count[count > 0].astype(np.int64)))
    return HeldOutPairs(everyone, row, torch.from_numpy(matrix.indices.astype(np.int64)))


def known_pairs(data: MultimodalDataset) -> Tensor:
    """Users (row 0) and items (row 1) of the interactions of all splits, each once, int64, shape [2, K]."""
    users, items = (data.train + data.valid + data.test).nonzero()
    return torch.from_numpy(np.stack([users, items]).astype(np.int64))
