"""Graphs of shared behaviour: items bought by the same users, users who bought the same items."""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.sparse as sp

from brmrs_graph.graphs.sparse import SparseGraph
from brmrs_graph.graphs.strongest import strongest


def overlap_graph(
    incidence: sp.csr_matrix,
    k: int,
    *,
    measure: Literal["jaccard", "cosine"] = "jaccard",
    shrink: float = 0.0,
    block: int = 2048,
) -> SparseGraph:
    r"""Links rows of an incidence matrix that share columns.

    The weight is the Jaccard overlap :math:`|U_i \cap U_j| / (|U_i \cup U_j| + h)` of their columns, or the cosine
    :math:`|U_i \cap U_j| / (\sqrt{|U_i| |U_j|} + h)`.

    With the item-user matrix this is the co-purchase graph of items, with the user-item matrix the user graph. Only
    *training* interactions may go in. Rows are taken in blocks, so memory is bounded by the pairs of one block.

    Args:
        incidence: Binary sparse matrix, shape [N, number of columns].
        k: Strongest links kept per row, without the row itself; rows with fewer links keep what they have.
        measure: ``jaccard`` or ``cosine``.
        shrink: h ≥ 0, by which links count less that rest on few columns.
        block: Rows compared at once.

    Returns:
        A graph of shape [N, N], strongest link first in every row.
    """
    incidence = sp.csr_matrix(incidence, dtype=np.float32)
    size = np.asarray(incidence.sum(axis=1)).ravel()
    transposed = incidence.T.tocsr()
    blocks = []
    for start in range(0, incidence.shape[0], block):
        shared = (incidence[start : start + block] @ transposed).tocoo()
        row, col = shared.row + start, shared.col
        other = row != col
        row, col, both = row[other], col[other], shared.data[other]
        total = size[row] + size[col] - both if measure == "jaccard" else np.sqrt(size[row] * size[col])
        overlap = both / (total + np.float32(shrink))
        blocks.append(strongest(row, col, overlap, k))
    row, col, overlap = (np.concatenate(part) for part in zip(*blocks, strict=True))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=incidence.shape[0]))])
    return SparseGraph.from_scipy(sp.csr_matrix((overlap, col, indptr), shape=(incidence.shape[0],) * 2))
