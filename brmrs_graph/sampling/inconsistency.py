"""Items that are close in one modality and different in the other, stored as a sparse graph."""

from __future__ import annotations

import torch

from brmrs_graph.graphs import SparseGraph
from brmrs_graph.sampling.closeness import Closeness
from brmrs_graph.sampling.segment import segment_rank

FEWEST = 5
"""An item with fewer inconsistent neighbours than this falls back on the less similar half of its kNN list."""


def inconsistent_neighbors(neighbors_a: SparseGraph, closeness_b: Closeness) -> SparseGraph:
    r"""The neighbours in modality A that are *not* close in modality B.

    .. math::
        P_{A \setminus B}(i) = \{\, j \in N_A^K(i) : j \notin N_B^K(i),\ z_B(i, j) \le \delta \,\}

    with :math:`z_B` as in :class:`~brmrs_graph.sampling.Closeness`. Where fewer than 5 items qualify, the half of
    :math:`N_A^K(i)` least similar in B stands in. Items that lack B are on no list and have none. Only kNN edges are
    looked at: N·K dot products.

    Args:
        neighbors_a: kNN graph of modality A (see :func:`~brmrs_graph.graphs.knn_graph`), N×N.
        closeness_b: What is close in modality B.

    Returns:
        A graph N×N whose row i lists :math:`P_{A \setminus B}(i)`; weights are :math:`z_B(i, j)`.
    """
    row, col, missing = neighbors_a.row, neighbors_a.col, closeness_b.missing
    graph = neighbors_a.select(~(missing[row] | missing[col]))
    row, col = graph.row, graph.col
    z = closeness_b.z(row, col)
    apart = closeness_b.different(row, col, z)
    qualified = torch.bincount(row[apart], minlength=graph.num_cols)
    half = torch.div(graph.degree() + 1, 2, rounding_mode="floor")
    least_similar = segment_rank(-z, graph.indptr.long()) < half[row]
    keep = torch.where((qualified < FEWEST)[row], least_similar, apart)
    return graph.with_weight(z).select(keep)
