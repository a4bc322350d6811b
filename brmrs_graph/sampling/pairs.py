"""A set of (row, column) pairs with vectorised look-up."""

from __future__ import annotations

import torch
from torch import Tensor


class PairSet:
    """Pairs held as sorted 64-bit keys; asking for any number of pairs is one binary search.

    Args:
        edge_index: Pairs, int64, shape [2, num_pairs], in any order.
        num_cols: Columns are ids below this.
    """

    def __init__(self, edge_index: Tensor, num_cols: int) -> None:
        self.num_cols = num_cols
        self.keys = (edge_index[0] * num_cols + edge_index[1]).sort().values

    def contains(self, rows: Tensor, cols: Tensor) -> Tensor:
        """Whether pairs are in the set; ids of equal (or broadcastable) shape, result bool of that shape."""
        query = rows * self.num_cols + cols
        if self.keys.numel() == 0:
            return torch.zeros_like(query, dtype=torch.bool)
        position = torch.searchsorted(self.keys, query).clamp(max=self.keys.numel() - 1)
        return self.keys[position] == query

    def to(self, device: torch.device | str) -> PairSet:
        """Moves the set to a device."""
        self.keys = self.keys.to(device)
        return self
