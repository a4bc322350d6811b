"""Spearman's rank correlation, row by row of a sparse graph."""

from __future__ import annotations

import pandas as pd
import torch
from torch import Tensor

FEWEST = 3
"""An order is compared from so many neighbours on; with two the correlation can only be 1 or -1."""


def rank_correlation(row: Tensor, x: Tensor, y: Tensor, num_rows: int) -> Tensor:
    """Correlates the ranks of two values within every row; tied values share the mean of their ranks.

    Args:
        row: Row of every edge, int64, shape [num_edges], in any order.
        x: One value of every edge, shape [num_edges]; values that differ by less than 1e-5 may count as tied, since
            cosines of identical items differ in the last digits of a float.
        y: The other, likewise.
        num_rows: Number of rows.

    Returns:
        Spearman's correlation, float64, shape [num_rows]; NaN for rows of fewer than 3 edges and where all values of
        one kind are tied.
    """

    def sums(values: Tensor) -> Tensor:
        return torch.bincount(row, weights=values, minlength=num_rows)

    count = torch.bincount(row, minlength=num_rows).double()
    # Ranks of n values have the mean (n + 1) / 2, ties or not.
    middle = (count[row] + 1) / 2
    ranks_x, ranks_y = (_ranks(row, values) - middle for values in (x, y))
    spread = (sums(ranks_x**2) * sums(ranks_y**2)).sqrt()
    return torch.where((count >= FEWEST) & (spread > 0), sums(ranks_x * ranks_y) / spread, torch.nan)


def _ranks(row: Tensor, values: Tensor) -> Tensor:
    return torch.from_numpy(pd.Series(values.numpy().round(5)).groupby(row.numpy()).rank().to_numpy(copy=True))
