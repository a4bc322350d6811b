r"""Attention over the edges of a sparse graph: scores, weights and weighted sums that gradients go through.

The weights of a :class:`~brmrs_graph.graphs.SparseGraph` are constants. Here they are tensors of their own, one entry
per edge in the order of the graph's edges, and no vector per edge is ever made: :func:`edge_dot` is a sampled
dense-dense product, :func:`edge_sum` a sparse-dense one, and each is the other's backward.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from brmrs_graph.graphs import SparseGraph

LOWEST = -1e4
"""Score of what is to have no weight in a softmax; finite, so that where all have it the weights are still numbers."""


def edge_dot(graph: SparseGraph, x: Tensor, y: Tensor) -> Tensor:
    r"""Dot products along edges, :math:`e_{ij} = \langle x_i, y_j \rangle`.

    Args:
        graph: A graph of shape [N, M]; its own weights are ignored.
        x: Vectors of the rows, N×F.
        y: Vectors of the columns, M×F.

    Returns:
        One value per edge, shape [num_edges].
    """
    return _EdgeDot.apply(graph, x, y)


def edge_softmax(graph: SparseGraph, score: Tensor) -> Tensor:
    r"""Softmax over the edges of every row, :math:`w_{ij} = \exp(e_{ij}) / \sum_{j'} \exp(e_{ij'})`.

    Args:
        graph: A graph of shape [N, M]; its own weights are ignored.
        score: One value per edge, shape [num_edges].

    Returns:
        Shape [num_edges]; rows sum to 1.
    """
    row = graph.row
    largest = score.new_full((graph.shape[0],), -torch.inf).scatter_reduce_(0, row, score.detach(), "amax")
    exp = (score - largest[row]).exp()
    total = exp.new_zeros(graph.shape[0]).index_add(0, row, exp)
    return exp / total.index_select(0, row)


def edge_sum(graph: SparseGraph, weight: Tensor, y: Tensor) -> Tensor:
    r"""Weighted sums over neighbours, :math:`\sum_j w_{ij} y_j`, with a gradient for the weights too.

    Args:
        graph: A graph of shape [N, M]; its own weights are ignored.
        weight: One value per edge, shape [num_edges].
        y: Vectors of the columns, M×F.

    Returns:
        N×F; zero for rows without edges.
    """
    return _EdgeSum.apply(graph, weight, y)


def transposed(graph: SparseGraph, values: Tensor) -> Tensor:
    """Values of edges, shape [num_edges], in the order of the edges of ``graph.t()``."""
    return values.index_select(0, graph.transposed_order())


class _EdgeDot(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, graph: SparseGraph, x: Tensor, y: Tensor) -> Tensor:
        ctx.graph = graph
        ctx.save_for_backward(x, y)
        return _sampled_product(graph, x, y)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        by_row, by_col = ctx.needs_input_grad[1:]
        return None, _sum(ctx.graph, grad, y) if by_row else None, _sum_back(ctx.graph, grad, x) if by_col else None


class _EdgeSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, graph: SparseGraph, weight: Tensor, y: Tensor) -> Tensor:
        ctx.graph = graph
        ctx.save_for_backward(weight, y)
        return _sum(graph, weight, y)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor | None, Tensor | None]:
        weight, y = ctx.saved_tensors
        to_weight, to_y = ctx.needs_input_grad[1:]
        return (
            None,
            _sampled_product(ctx.graph, grad, y) if to_weight else None,
            _sum_back(ctx.graph, weight, grad) if to_y else None,
        )


def _sum(graph: SparseGraph, weight: Tensor, y: Tensor) -> Tensor:
    return graph.with_weight(weight) @ y


def _sum_back(graph: SparseGraph, weight: Tensor, x: Tensor) -> Tensor:
    return graph.t().with_weight(transposed(graph, weight)) @ x


def _sampled_product(graph: SparseGraph, x: Tensor, y: Tensor) -> Tensor:
    if graph.num_edges == 0:
        return x.new_zeros(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch calls its CSR format a beta
        pattern = torch.sparse_csr_tensor(
            graph.indptr, graph.indices, x.new_zeros(graph.num_edges), graph.shape, check_invariants=False
        )
    return torch.sparse.sampled_addmm(pattern, x.contiguous(), y.t(), beta=0.0).values()
