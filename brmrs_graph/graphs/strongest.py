"""The strongest edges of every row, in a reproducible order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def strongest(
    row: NDArray[Any], col: NDArray[Any], weight: NDArray[Any], k: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Keeps the ``k`` largest weights of every row; among equals the lower column comes first.

    Args:
        row: Row of every edge, shape [num_edges], in any order.
        col: Column of every edge, shape [num_edges].
        weight: Weight of every edge, shape [num_edges].
        k: Most edges kept per row.

    Returns:
        Rows (ascending), columns and weights of the edges kept, the strongest first in every row.
    """
    order = np.lexsort((col, -weight, row))
    row, col, weight = row[order], col[order], weight[order]
    keep = np.arange(row.size) - np.searchsorted(row, row) < k  # position of each edge in its row
    return row[keep], col[keep], weight[keep]
