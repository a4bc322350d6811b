"""Degree normalisation of sparse graphs."""

from __future__ import annotations

import torch
from torch import Tensor

from brmrs_graph.graphs.sparse import SparseGraph


def _power(degree: Tensor, exponent: float) -> Tensor:
    # Isolated nodes have degree 0; they keep weight 0 instead of an infinite one.
    return torch.where(degree > 0, degree.clamp(min=1e-12).pow(exponent), torch.zeros_like(degree))


def symmetric_normalize(graph: SparseGraph) -> SparseGraph:
    r"""Scales every weight to :math:`w_{ij} / \sqrt{d_i d_j}` with row sums :math:`d_i` and column sums :math:`d_j`.

    For a square symmetric adjacency this is :math:`D^{-1/2} A D^{-1/2}` of LightGCN (He et al., SIGIR 2020); for
    the |U|x|I| block of a bipartite graph it gives the matching block of the normalised adjacency.
    """
    row, col = graph.row, graph.col
    row_sum = graph.weight.new_zeros(graph.shape[0]).index_add_(0, row, graph.weight)
    col_sum = graph.weight.new_zeros(graph.shape[1]).index_add_(0, col, graph.weight)
    return graph.with_weight(graph.weight * _power(row_sum, -0.5)[row] * _power(col_sum, -0.5)[col])


def degree_normalize(graph: SparseGraph) -> SparseGraph:
    r"""Scales every weight of a square graph to :math:`w_{ij} / \sqrt{d_i d_j}` with row sums :math:`d` on both sides.

    This is the :math:`D^{-1/2} S D^{-1/2}`, :math:`D_{ii} = \sum_j S_{ij}`, of item kNN graphs in LATTICE (Zhang et
    al., MM 2021). Such graphs are not symmetric; items that are neighbours of many are not scaled down by that, as
    :func:`symmetric_normalize` would do.
    """
    row, col = graph.row, graph.col
    row_sum = graph.weight.new_zeros(graph.shape[0]).index_add_(0, row, graph.weight)
    scale = _power(row_sum, -0.5)
    return graph.with_weight(graph.weight * scale[row] * scale[col])


def row_normalize(graph: SparseGraph) -> SparseGraph:
    """Scales every row to sum to 1; rows without edges stay empty."""
    row = graph.row
    row_sum = graph.weight.new_zeros(graph.shape[0]).index_add_(0, row, graph.weight)
    return graph.with_weight(graph.weight * _power(row_sum, -1.0)[row])
