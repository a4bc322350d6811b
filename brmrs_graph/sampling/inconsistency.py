"""Items that are close in one modality and different in the other, stored as a sparse graph."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from brmrs_graph.graphs import SparseGraph
from brmrs_graph.sampling.pairs import PairSet
from brmrs_graph.sampling.segment import segment_rank

FEWEST = 5
"""An item with fewer inconsistent neighbours than this falls back on the less similar half of its kNN list."""

REFERENCE_ITEMS = 1000
"""Random items against which a similarity is judged."""


def inconsistent_neighbors(
    neighbors_a: SparseGraph,
    neighbors_b: SparseGraph,
    x_b: Tensor,
    missing_b: Tensor,
    *,
    delta: float = 1.0,
    seed: int = 0,
    chunk: int = 1 << 16,
) -> SparseGraph:
    r"""The neighbours in modality A that are *not* close in modality B.

    .. math::
        P_{A \setminus B}(i) = \{\, j \in N_A^K(i) : j \notin N_B^K(i),\ z_B(i, j) \le \delta \,\},
        \qquad z_B(i,j) = \frac{\cos_B(i,j) - \mu_i}{\max(\sigma_i, 10^{-6})}

    with :math:`\mu_i, \sigma_i` over the same 1,000 random items for every i, because cosines of two encoders cannot
    be compared as they are. Where fewer than 5 items qualify, the half of :math:`N_A^K(i)` least similar in B stands
    in. Items that lack B are on no list and have none. Only kNN edges are looked at: N·K dot products.

    Args:
        neighbors_a: kNN graph of modality A (see :func:`~brmrs_graph.graphs.knn_graph`), N×N.
        neighbors_b: kNN graph of modality B, N×N.
        x_b: Features of modality B, shape [N, d].
        missing_b: True where an item lacks B, bool, shape [N].
        delta: Largest standardised similarity in B, in standard deviations.
        seed: Chooses the random items.
        chunk: Edges handled at once.

    Returns:
        A graph N×N whose row i lists :math:`P_{A \setminus B}(i)`; weights are :math:`z_B(i, j)`.
    """
    num_items = x_b.size(0)
    x = F.normalize(x_b.float(), dim=1)
    row, col = neighbors_a.row, neighbors_a.col
    both = ~(missing_b[row] | missing_b[col])
    graph = neighbors_a.select(both)
    row, col = row[both], col[both]
    if row.numel() == 0:
        return graph
    mean, std = _reference_statistics(x, missing_b, seed)
    pieces = zip(row.split(chunk), col.split(chunk), strict=True)
    cosine = torch.cat([(x[i] * x[j]).sum(dim=1) for i, j in pieces])
    z = (cosine - mean[row]) / std[row]

    close_b = PairSet(torch.stack([neighbors_b.row, neighbors_b.col]), num_items)
    apart = (z <= delta) & ~close_b.contains(row, col)
    qualified = torch.bincount(row[apart], minlength=num_items)
    degree = graph.degree()
    ptr = graph.indptr.long()
    least_similar = segment_rank(-cosine, ptr) < torch.div(degree + 1, 2, rounding_mode="floor")[row]
    keep = torch.where((qualified < FEWEST)[row], least_similar, apart)
    return graph.with_weight(z).select(keep)


def _reference_statistics(x: Tensor, missing: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    present = (~missing).nonzero().squeeze(1)
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(present.numel(), generator=generator)[:REFERENCE_ITEMS].to(x.device)
    reference = x[present[order]]
    blocks = [block @ reference.t() for block in x.split(4096)]
    mean = torch.cat([block.mean(dim=1) for block in blocks])
    std = torch.cat([block.std(dim=1, correction=0) for block in blocks])
    return mean, std.clamp(min=1e-6)
