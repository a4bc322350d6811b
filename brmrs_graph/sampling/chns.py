"""Cross-modal hard negative sampling (CHNS): negatives that one modality confuses with the positive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Literal

import torch
from torch import Tensor

from brmrs_graph.branches import PairScores
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.sampling.choice import Choice, judging, rated
from brmrs_graph.sampling.closeness import Closeness
from brmrs_graph.sampling.pairs import PairSet
from brmrs_graph.sampling.ragged import Ragged
from brmrs_graph.sampling.segment import segment_argmax, segment_filter, segment_ids, segment_rank

Direction = tuple[str, str]
"""An ordered pair of modalities (A, B): hard in A, to be separated by B."""


class CrossModalSampler:
    r"""Draws, for every (u, i+) and every ordered pair of modalities (A, B), an item that A confuses with the positive.

    The forms differ in the candidates among which :math:`i_A` is chosen:

    * ``pool``: the M uniform candidates of the batch;
    * ``graph``: M drawn from the positive's row in a graph of items, with the method
      :math:`P_{A \setminus B}(i_+)`, the items close to the positive in A and different in B;
    * ``hybrid``: the first half of the pool and M/2 from the graph; the hard item is drawn uniformly among the 4
      that the choice ranks highest instead of being the highest.

    With the method the choice is :math:`\arg\max_j s_A(u, j)`; see :func:`~brmrs_graph.sampling.choice.rated` for the
    others. Scores are detached. Where no candidate is left the first pool item stands in, and is counted in
    :attr:`fallbacks` (of :attr:`draws`).

    An item that lacks a modality is a candidate of the pool like every other. It is drawn as a positive, too, and
    without it nothing would push its scores down.

    Args:
        form: ``pool``, ``graph`` or ``hybrid``.
        seen: The training interactions (user, item), which are never drawn.
        neighbors: (A, B) -> the graph, such as :math:`P_{A \setminus B}` (see
            :func:`~brmrs_graph.sampling.inconsistent_neighbors`); not needed for ``pool``.
        avoid: Pairs (i+, j) never drawn (co-purchased with the positive, near-duplicates).
        choice: How one of the candidates is chosen.
        far: Modality -> what is close in it; if given, only items different from the positive in A and in B are drawn
            for (A, B).
    """

    top = 4

    def __init__(
        self,
        form: Literal["pool", "graph", "hybrid"],
        seen: PairSet,
        neighbors: Mapping[Direction, SparseGraph] | None = None,
        avoid: PairSet | None = None,
        choice: Choice = "confused",
        far: Mapping[str, Closeness] | None = None,
    ) -> None:
        self.form = form
        self.seen = seen
        self.neighbors = dict(neighbors or {})
        self.avoid = avoid
        self.choice = choice
        self.far = dict(far or {})
        self.draws = 0
        self.fallbacks = 0

    @torch.no_grad()
    def draw(
        self, pool: PairScores, positives: Tensor, generator: torch.Generator | None = None
    ) -> dict[Direction, Tensor]:
        """Draws one hard negative per pair and direction.

        Args:
            pool: Scores of the uniform candidates (item ids, shape [B, M], no training interactions) of the users.
            positives: Positive item ids, int64, shape [B].
            generator: Source of randomness on the CPU.

        Returns:
            (A, B) -> item ids, int64, shape [B].
        """
        directions = permutations(pool.branches.modalities, 2)
        return {(a, b): self._draw_direction(a, b, pool, positives, generator) for a, b in directions}

    def to(self, device: torch.device | str) -> CrossModalSampler:
        """Moves the sampler to a device; the shared set of training interactions moves with it."""
        self.seen.to(device)
        if self.avoid is not None:
            self.avoid.to(device)
        self.neighbors = {direction: graph.to(device) for direction, graph in self.neighbors.items()}
        for closeness in self.far.values():
            closeness.to(device)
        return self

    def _draw_direction(
        self, a: str, b: str, pool: PairScores, positives: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        size, judges = pool.items.size(1), judging(self.choice, a, b)
        if self.form == "pool":
            candidates = Ragged.of_pool(pool, judges, size)
        elif self.form == "graph":
            candidates = self._listed(self.neighbors[a, b], judges, pool, positives, size, generator)
        else:
            half = (size + 1) // 2
            listed = self._listed(self.neighbors[a, b], judges, pool, positives, size - half, generator)
            candidates = Ragged.of_pool(pool, judges, half).join(listed)
        candidates = self._guard(candidates, a, b, positives)
        candidates, value = rated(self.choice, candidates, a, b, pool, positives)
        if self.form == "hybrid":
            random = torch.rand(value.numel(), generator=generator).to(value.device)
            value = torch.where(segment_rank(value, candidates.ptr) < self.top, random, -torch.ones_like(random))
        best = segment_argmax(value, candidates.ptr)
        empty = best < 0
        self.draws += best.numel()
        self.fallbacks += int(empty.sum())
        first = pool.items[:, 0]
        return (
            first if candidates.items.numel() == 0 else torch.where(empty, first, candidates.items[best.clamp(min=0)])
        )

    def _listed(
        self,
        graph: SparseGraph,
        judges: Sequence[str],
        pool: PairScores,
        positives: Tensor,
        n: int,
        generator: torch.Generator | None,
    ) -> Ragged:
        """The unseen ones of ``n`` items drawn from each positive's row in a graph."""
        items, ptr = draw_from_rows(graph, positives, n, generator)
        users = pool.users[segment_ids(ptr)]
        unseen = ~self.seen.contains(users, items)
        scores = PairScores(pool.branches, users[unseen], items[unseen])
        return Ragged(scores.items, {branch: scores[branch] for branch in judges}, segment_filter(unseen, ptr))

    def _guard(self, candidates: Ragged, a: str, b: str, positives: Tensor) -> Ragged:
        allowed = torch.ones_like(candidates.items, dtype=torch.bool)
        if self.avoid is not None:
            allowed &= ~self.avoid.contains(positives[candidates.segment], candidates.items)
        if self.far:
            for modality in (a, b):
                allowed &= self.far[modality].different(positives[candidates.segment], candidates.items)
        return candidates.filter(allowed)


def draw_from_rows(
    graph: SparseGraph, rows: Tensor, n: int, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Draws ``n`` columns, with replacement, from each of some rows of a graph, all equally likely.

    Args:
        graph: Any sparse graph.
        rows: Row ids, int64, shape [B].
        n: Columns per row; a row without edges gives none.
        generator: Source of randomness on the CPU.

    Returns:
        The columns, int64, flat, and the borders of the rows' segments, int64, shape [B + 1].
    """
    count = graph.degree()[rows]
    uniform = torch.rand(rows.numel(), n, dtype=torch.float64, generator=generator).to(rows.device)
    edge = graph.indptr.long()[rows].unsqueeze(1) + (uniform * count.unsqueeze(1)).long()
    drawn = (count > 0).long() * n
    ptr = torch.cat([drawn.new_zeros(1), drawn.cumsum(0)])
    return graph.col[edge[count > 0].reshape(-1)], ptr
