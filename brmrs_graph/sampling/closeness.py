"""Which items count as close to each other in a modality, and which as different."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from brmrs_graph.graphs import SparseGraph
from brmrs_graph.sampling.pairs import PairSet

REFERENCE_ITEMS = 1000
"""Random items against which a similarity is judged."""


class Closeness:
    r"""How close items are in one modality, in units that mean the same in any other.

    Cosines of two encoders cannot be compared as they are, so that each is standardised by those of its item i with
    the same 1,000 random items:

    .. math::
        z(i, j) = \frac{\cos(i, j) - \mu_i}{\max(\sigma_i, 10^{-6})}

    An item j is *different* from i if it is not among the K nearest neighbours of i and :math:`z(i, j) \le \delta`.

    Args:
        neighbors: kNN graph of the modality (see :func:`~brmrs_graph.graphs.knn_graph`), N×N.
        x: Its features, shape [N, d].
        missing: True where an item lacks it, bool, shape [N].
        delta: Largest standardised similarity of items that are different, in standard deviations (δ).
        seed: Chooses the random items.
        chunk: Pairs handled at once.
    """

    def __init__(
        self,
        neighbors: SparseGraph,
        x: Tensor,
        missing: Tensor,
        *,
        delta: float = 1.0,
        seed: int = 0,
        chunk: int = 1 << 16,
    ) -> None:
        self.delta = delta
        self.chunk = chunk
        self.missing = missing
        self.neighbors = edge_set(neighbors)
        self._x = F.normalize(x.float(), dim=1)
        self._mean, self._std = _reference_statistics(self._x, missing, seed)

    def z(self, rows: Tensor, cols: Tensor) -> Tensor:
        """Standardised similarity of the pairs (i, j), ids of shape [n]; means nothing where i or j lacks it."""
        pieces = zip(rows.split(self.chunk), cols.split(self.chunk), strict=True)
        x = self._x
        cosine = torch.cat([(x.index_select(0, i) * x.index_select(0, j)).sum(dim=1) for i, j in pieces])
        return (cosine - self._mean[rows]) / self._std[rows]

    def different(self, rows: Tensor, cols: Tensor, z: Tensor | None = None) -> Tensor:
        """Whether j is different from i, for pairs of ids of shape [n]; nothing is where i or j lacks the modality.

        Args:
            rows: Items i, int64.
            cols: Items j, int64.
            z: What :meth:`z` gives for them, if it is at hand.
        """
        z = self.z(rows, cols) if z is None else z
        known = ~(self.missing[rows] | self.missing[cols])
        return known & (z <= self.delta) & ~self.neighbors.contains(rows, cols)

    def to(self, device: torch.device | str) -> Closeness:
        """Moves everything to a device."""
        self.neighbors.to(device)
        self.missing, self._x = self.missing.to(device), self._x.to(device)
        self._mean, self._std = self._mean.to(device), self._std.to(device)
        return self


def common_neighbors(neighbors_a: SparseGraph, neighbors_b: SparseGraph) -> SparseGraph:
    r"""The neighbours in both of two kNN graphs, :math:`N_A^K(i) \cap N_B^K(i)`, weighted as in the first."""
    return neighbors_a.select(edge_set(neighbors_b).contains(neighbors_a.row, neighbors_a.col))


def edge_set(graph: SparseGraph) -> PairSet:
    """The edges of a graph as a set of pairs (row, column)."""
    return PairSet(torch.stack([graph.row, graph.col]), graph.num_cols)


def _reference_statistics(x: Tensor, missing: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    present = (~missing).nonzero().squeeze(1)
    if present.numel() == 0:  # nothing will be compared
        return x.new_zeros(x.size(0)), x.new_ones(x.size(0))
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(present.numel(), generator=generator)[:REFERENCE_ITEMS].to(x.device)
    reference = x[present[order]]
    blocks = [block @ reference.t() for block in x.split(4096)]
    mean = torch.cat([block.mean(dim=1) for block in blocks])
    std = torch.cat([block.std(dim=1, correction=0) for block in blocks])
    return mean, std.clamp(min=1e-6)
