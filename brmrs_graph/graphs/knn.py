"""Exact cosine k-nearest-neighbour graphs, one block of rows at a time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs.sparse import SparseGraph


def knn_graph(
    x: Tensor, k: int, *, loop: bool = False, missing: Tensor | None = None, block: int = 1024
) -> SparseGraph:
    """The exact k-nearest-neighbour graph under cosine similarity; edge weights are the similarities.

    Row i lists the neighbours of item i, most similar first. Items without the modality (``missing``, and every
    all-zero row) have no neighbours and are nobody's neighbour. Identical rows are ordinary neighbours with
    similarity 1. Memory is ``block * N``, never N x N.

    Args:
        x: Features, floating point, shape [N, d]; need not be normalised.
        k: Neighbours per item; an item gets fewer only where fewer items have the modality.
        loop: Whether an item may be its own neighbour (it then is its nearest one).
        missing: True for items that lack the modality, bool, shape [N].
        block: Rows compared at once.

    Raises:
        ConfigError: If ``k`` is not between 1 and N (N - 1 without loops).
    """
    num_items = x.size(0)
    check_k(k, num_items - (not loop), num_items)
    x = F.normalize(x.float(), dim=1)
    absent = x.abs().sum(dim=1) == 0
    if missing is not None:
        absent = absent | missing
    present = (~absent).nonzero().squeeze(1)
    known = x[present]
    k = min(k, max(present.numel() - (not loop), 0))
    similarity = x.new_empty(present.numel(), k)
    neighbor = present.new_empty(present.numel(), k)
    for start in range(0, present.numel() if k else 0, block):
        rows = torch.arange(start, min(start + block, present.numel()), device=x.device)
        scores = known[rows] @ known.t()
        if not loop:
            scores[rows - start, rows] = -torch.inf
        else:  # rounding must not let a duplicate push an item out of its own list
            scores[rows - start, rows] = torch.inf
        top, index = scores.topk(k, dim=1)
        similarity[rows], neighbor[rows] = top.clamp(max=1.0), present[index]
    degree = torch.zeros(num_items, dtype=torch.int32, device=x.device)
    degree[present] = k
    indptr = F.pad(degree.cumsum(0, dtype=torch.int32), (1, 0))
    return SparseGraph(indptr, neighbor.reshape(-1).to(torch.int32), similarity.reshape(-1), num_items)


def check_k(k: int, most: int, num_items: int) -> None:
    """Checks a number of neighbours.

    Args:
        k: The number.
        most: The largest that there can be.
        num_items: N, for the message.

    Raises:
        ConfigError: If ``k`` is not between 1 and ``most``.
    """
    if not 1 <= k <= most:
        raise ConfigError(
            f"k={k} nearest neighbours cannot be had from {num_items} items; choose k between 1 and {most}"
        )
