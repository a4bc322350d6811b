"""The nearest neighbours of every vector by all dot products, half of which are enough."""

from __future__ import annotations

import torch
from torch import Tensor

from brmrs_graph.blas import dot_products
from brmrs_graph.topk import merge_best, top_items

FEW = 1 / 16
"""Share of a block's products up to which those that count are picked out one by one; of more, each row is sorted."""


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

    def improve(rows: slice | Tensor, more: Tensor, ids: Tensor) -> None:
        values[rows], found[rows] = merge_best(values[rows], found[rows], more, ids, k)

    for start in range(0, size if k else 0, block):
        own, later = slice(start, start + block), slice(start + block, size)
        scores = dot_products(x[own], x[start:])
        square = scores[:, : scores.size(0)]
        square.copy_(square.tril() + square.tril(-1).t())  # a pair has one value, of which a product makes two here
        scores.fill_diagonal_(torch.inf if loop else -torch.inf)  # with loops, no duplicate may take its place
        best = top_items(scores, min(k, scores.size(1)))
        improve(own, scores.gather(1, best), best + start)
        if later.start < size:
            scores = scores[:, block:]
            better = scores > values[later, -1]
            if int(better.count_nonzero()) <= FEW * better.numel():
                column, row = better.nonzero(as_tuple=True)
                rows, more, ids = _in_rows(row, scores[column, row], column, k)
                improve(rows + later.start, more, ids + start)
            else:
                top = scores.t().topk(min(k, len(scores)), dim=1)
                improve(later, top.values, top.indices + start)
    return values, found


def _in_rows(row: Tensor, value: Tensor, column: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    # Entries as lists: the rows that have any, and the values and columns of their k best, filled up with -inf and 0.
    order = value.argsort(descending=True, stable=True)
    order = order[row[order].argsort(stable=True)]
    rows, index, count = row[order].unique_consecutive(return_inverse=True, return_counts=True)
    place = torch.arange(len(row), device=row.device) - (count.cumsum(0) - count)[index]
    kept = place < k  # few rows may have many, and all lists are as wide as the longest
    order, index, place = order[kept], index[kept], place[kept]
    shape = (len(rows), min(k, int(count.max())) if len(rows) else 0)
    values, columns = value.new_full(shape, -torch.inf), column.new_zeros(shape)
    values[index, place], columns[index, place] = value[order], column[order]
    return rows, values, columns
