"""The most similar columns of every row, for two sets of vectors, one block of rows at a time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from brmrs_graph.blas import dot_products
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs.sparse import SparseGraph


@torch.no_grad()
def nearest_graph(
    rows: Tensor, cols: Tensor, k: int, *, exclude: SparseGraph | None = None, block: int = 1024
) -> SparseGraph:
    """Links every row to the ``k`` columns of largest cosine; edge weights are the cosines.

    Only positive cosines count, so zero vectors have no edges. Memory is ``block * M``, never N x M.

    Args:
        rows: Vectors of the rows (for instance users), shape [N, d].
        cols: Vectors of the columns (for instance items), shape [M, d].
        k: Edges per row; a row gets fewer where fewer cosines are positive.
        exclude: A graph of shape [N, M] none of whose edges is to be found (default: none).
        block: Rows compared at once.

    Returns:
        A graph of shape [N, M].

    Raises:
        ConfigError: If ``k`` is not between 1 and M.
    """
    if not 1 <= k <= cols.size(0):
        raise ConfigError(
            f"k={k} nearest columns cannot be had from {cols.size(0)}; choose k between 1 and {cols.size(0)}"
        )
    rows, cols = F.normalize(rows, dim=1), F.normalize(cols, dim=1)
    found = []
    for some in torch.arange(rows.size(0), device=rows.device).split(block):
        cosines = dot_products(rows[some], cols)
        if exclude is not None:
            excluded = exclude.take_rows(some)
            cosines[excluded.row, excluded.col] = -torch.inf
        found.append(cosines.topk(k, dim=1))
    cosine = torch.cat([top.values for top in found]).flatten()
    col = torch.cat([top.indices for top in found]).flatten()
    row = torch.arange(rows.size(0), device=rows.device).repeat_interleave(k)
    kept = cosine > 0
    return SparseGraph.from_edges(row[kept], col[kept], (rows.size(0), cols.size(0)), cosine[kept])
