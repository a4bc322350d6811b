"""The nearest neighbours of every vector by all dot products, half of which are enough."""

from __future__ import annotations

import torch
from torch import Tensor

from brmrs_graph.blas import dot_products
from brmrs_graph.graphs.merging import merge_best


def exact_neighbors(x: Tensor, k: int, *, loop: bool = False, block: int = 1024) -> tuple[Tensor, Tensor]:
    """The k vectors of largest dot product with each vector.

    A block of rows is multiplied with itself and with all rows after it; what it is to a later row, the later row is to
    it, so that every product is made once. Memory is ``block * N``, never N x N.

    Args:
        x: Vectors, shape [N, d].
        k: Neighbours of each; at most N, or N - 1 without loops.
        loop: Whether a vector may be its own neighbour; it then is the first one, with an infinite value.
        block: Rows compared at once.

    Returns:
        Dot products and positions (int64), the largest first, each of shape [N, k].
    """
    size = x.size(0)
    values, found = x.new_full((size, k), -torch.inf), torch.zeros(size, k, dtype=torch.int64, device=x.device)

    def improve(rows: slice | Tensor, scores: Tensor, first: int) -> None:
        top = scores.topk(min(k, scores.size(1)), dim=1)
        values[rows], found[rows] = merge_best(values[rows], found[rows], top.values, top.indices + first, k)

    for start in range(0, size if k else 0, block):
        own, later = slice(start, start + block), slice(start + block, size)
        scores = dot_products(x[own], x[start:])
        square = scores[:, : scores.size(0)]
        square.copy_(square.tril() + square.tril(-1).t())  # a pair has one value, of which a product makes two here
        scores.fill_diagonal_(torch.inf if loop else -torch.inf)  # with loops, no duplicate may take its place
        improve(own, scores, start)
        if later.start < size:
            # Of most later rows, no vector of this block is among the k best: it need not be sorted for them.
            better = (scores[:, block:].amax(dim=0) > values[later, -1]).nonzero().squeeze(1)
            improve(better + later.start, scores[:, block:].index_select(1, better).t(), start)
    return values, found
