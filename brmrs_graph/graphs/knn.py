"""Cosine k-nearest-neighbour graphs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs.approximate_neighbors import approximate_neighbors
from brmrs_graph.graphs.exact_neighbors import exact_neighbors
from brmrs_graph.graphs.sparse import SparseGraph

MOST_EXACT = 100_000
"""Items that are compared with each other on a CPU, unless asked otherwise; time grows with their square."""


def knn_graph(
    x: Tensor,
    k: int,
    *,
    loop: bool = False,
    missing: Tensor | None = None,
    block: int = 1024,
    exact: bool | None = None,
) -> SparseGraph:
    """The k-nearest-neighbour graph under cosine similarity; edge weights are the similarities.

    Row i lists the neighbours of item i, most similar first. Items without the modality (``missing``, and every
    all-zero row) have no neighbours and are nobody's neighbour. Identical rows are ordinary neighbours with
    similarity 1. Memory is ``block * N``, never N x N.

    Args:
        x: Features, floating point, shape [N, d]; need not be normalised.
        k: Neighbours per item; an item gets fewer only where fewer items have the modality.
        loop: Whether an item may be its own neighbour (it then is its nearest one).
        missing: True for items that lack the modality, bool, shape [N].
        block: Rows compared at once.
        exact: Whether all items are compared, or neighbours looked for by faiss, see
            :mod:`~brmrs_graph.graphs.approximate_neighbors` (default: approximate on a CPU from 100,000 items on).

    Raises:
        ConfigError: If ``k`` is not between 1 and N (N - 1 without loops), or faiss is needed and not installed.
    """
    num_items = x.size(0)
    check_k(k, num_items - (not loop), num_items)
    x = F.normalize(x.float(), dim=1)
    absent = x.abs().sum(dim=1) == 0
    if missing is not None:
        absent = absent | missing
    present = (~absent).nonzero().squeeze(1)
    k = min(k, max(present.numel() - (not loop), 0))
    if exact is None:
        exact = x.is_cuda or present.numel() <= MOST_EXACT
    if exact:
        similarity, neighbor = exact_neighbors(x[present], k, loop=loop, block=block)
    else:
        similarity, neighbor = approximate_neighbors(x[present], k, loop=loop)
    known = similarity > -torch.inf  # of approximate neighbours some may be missing
    degree = torch.zeros(num_items, dtype=torch.int32, device=x.device)
    degree[present] = known.sum(dim=1, dtype=torch.int32)
    indptr = F.pad(degree.cumsum(0, dtype=torch.int32), (1, 0))
    indices = present[neighbor[known]].to(torch.int32)
    return SparseGraph(indptr, indices, similarity[known].clamp(max=1.0), num_items)


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
