"""Complementarity failure: how often the fused score confuses items that one of the modalities tells apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.diagnosis.candidates import CandidateSets, compare_scores, require_finite
from brmrs_graph.evaluation import Measurement
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.sampling import Direction

Floats = NDArray[np.float64]
LOOKALIKE, CLOSE, FAR = range(3)
"""Which items are compared, see :class:`~brmrs_graph.diagnosis.candidates.CandidateSets`."""


@dataclass(frozen=True)
class MatchedRates:
    r"""How often s_f(u, j) ≥ s_f(u, i+), for look-alikes j and for the two controls.

    The controls are standardised to the popularity of the look-alikes, since popular items are scored high whatever
    they look like. With bins g of training degree (:math:`\lfloor \log_2(1 + d) \rfloor`), the look-alikes' shares
    :math:`w_g` and a control's rates :math:`r_g`, its matched rate is :math:`\sum_g w_g r_g`. Bins in which a control
    has no comparisons are left out of it, and of what is compared with it.

    Args:
        rate: The rate for the look-alikes; rests on as many comparisons as its count says.
        far: The matched rate for items far in both modalities.
        close: The matched rate for items close in both modalities.
        gap: close − far over the same bins, the scale of ``position``; where it is not clearly above 0 there is none.
        position: (rate − far) / (close − far): 0 where look-alikes are told apart as well as items that differ in both
            modalities, 1 where they are confused as often as items that are alike in both.
        lift: rate / far.
    """

    rate: Measurement
    far: Measurement
    close: Measurement
    gap: Measurement
    position: Measurement
    lift: Measurement


@dataclass(frozen=True)
class Complementarity:
    r"""Failures in the direction (A, B): items close to the positive in A that B could tell from it.

    Args:
        direction: (A, B).
        content: :math:`P[s_f(u,j) \ge s_f(u,i_+) \mid j \in P_{A \setminus B}(i_+)]` with its controls.
        failure: The same given also :math:`s_A(u,j) \ge s_A(u,i_+)` and :math:`s_B(u,i_+) > s_B(u,j)`: A is fooled, B
            is right, the fused score follows A. None where the model has no branch A or no branch B.
        condition: The share of look-alike comparisons that meet the condition of ``failure``.
    """

    direction: Direction
    content: MatchedRates
    failure: MatchedRates | None
    condition: Measurement | None


@dataclass(frozen=True)
class Outcomes:
    """What became of some comparisons (u, i+, j).

    Args:
        pair: Held-out pair of each, int64, shape [m].
        item: The item j of each, int64, shape [m].
        loses: Whether s_f(u, j) ≥ s_f(u, i+), bool, shape [m].
        condition: Direction -> whether A is fooled and B is right, bool, shape [m].
    """

    pair: Tensor
    item: Tensor
    loses: Tensor
    condition: dict[Direction, Tensor]


@torch.no_grad()
def outcomes(
    branches: Branches, sets: CandidateSets, graph: SparseGraph, directions: tuple[Direction, ...]
) -> Iterator[Outcomes]:
    """Scores the comparisons of an item graph, block by block.

    Args:
        branches: The model's branches.
        sets: The held-out pairs.
        graph: Row i+ lists the items j.
        directions: The (A, B) whose condition is wanted; those for which the model lacks a branch are left out.
    """
    directions = tuple(d for d in directions if set(d) <= set(branches.modalities))
    names = (FUSED, *dict.fromkeys(name for direction in directions for name in direction))
    require_finite(branches, names)
    for pair, item in sets.compared(graph):
        scores = compare_scores(branches, sets, pair, item, names)
        loses = {name: other >= liked for name, (liked, other) in scores.items()}
        yield Outcomes(pair, item, loses[FUSED], {(a, b): loses[a] & ~loses[b] for a, b in directions})


def complementarity(branches: Branches, sets: CandidateSets) -> dict[Direction, Complementarity]:
    """Measures the two complementarity failure rates in every direction.

    Ties count as failures: a score that cannot tell two items apart has not used what B knows. The content rate needs
    no unimodal branches; it is the baseline that models without content give.

    Args:
        branches: The model's branches.
        sets: The comparisons, see :func:`~brmrs_graph.diagnosis.candidate_sets`.

    Returns:
        (A, B) -> what was measured, for every ordered pair of modalities of the data.

    Raises:
        TrainingError: If embeddings are not finite.
    """
    measured = {}
    bins = (sets.degree + 1).double().log2().long()
    for a, b in combinations(dict.fromkeys(name for direction in sets.lookalikes for name in direction), 2):
        ab, ba = (a, b), (b, a)
        sources: list[tuple[SparseGraph, int, tuple[Direction, ...]]] = [
            (sets.lookalikes[ab], LOOKALIKE, (ab,)),
            (sets.lookalikes[ba], LOOKALIKE, (ba,)),
            (sets.close[ab], CLOSE, (ab, ba)),
            (sets.far[ab], FAR, (ab, ba)),
        ]
        content, failure = ({d: _Tally(sets.num_users, int(bins.max()) + 1) for d in (ab, ba)} for _ in range(2))
        for graph, kind, directions in sources:
            for seen in outcomes(branches, sets, graph, directions):
                row, bin_ = sets.row[seen.pair], bins[seen.item]
                for d in directions:
                    content[d].add(kind, row, bin_, seen.loses)
                for d, met in seen.condition.items():
                    failure[d].add(kind, row[met], bin_[met], seen.loses[met])
        has_both = {a, b} <= set(branches.modalities)
        for d in (ab, ba):
            pairs, meet = content[d].pairs(LOOKALIKE), failure[d].pairs(LOOKALIKE)
            measured[d] = Complementarity(
                d,
                content[d].rates(),
                failure[d].rates() if has_both else None,
                Measurement.ratio(meet, pairs) if has_both else None,
            )
    return measured


class _Tally:
    """Comparisons, and those lost, by user, kind of item and bin of popularity."""

    def __init__(self, num_users: int, bins: int) -> None:
        self.counts = torch.zeros(num_users, 3, 2, bins, dtype=torch.float64)

    def add(self, kind: int, row: Tensor, bin_: Tensor, loses: Tensor) -> None:
        at = (row * 3 + kind) * 2 * self.counts.size(3) + bin_
        flat, step = self.counts.view(-1), self.counts.size(3)
        flat.index_add_(0, at, loses.double())
        flat.index_add_(0, at + step, torch.ones_like(at, dtype=torch.float64))

    def pairs(self, kind: int) -> Floats:
        """Comparisons by user, shape [users]."""
        return self.counts[:, kind, 1].sum(dim=1).numpy()

    def rates(self) -> MatchedRates:
        bins = self.counts.size(3)
        pairs = self.counts[:, :, 1].sum(dim=2)
        # One array serves all: the sums by kind and bin, then the comparisons of each kind for the counts.
        totals = torch.cat([self.counts.flatten(1), pairs], dim=1).numpy()[None]

        def sums(s: Floats) -> tuple[Floats, Floats]:
            tables = s[..., : 6 * bins].reshape(*s.shape[:-1], 3, 2, bins)
            return tables[..., 0, :], tables[..., 1, :]

        def far(s: Floats) -> Floats:
            return _matched(*sums(s), FAR, (FAR,))

        def close(s: Floats) -> Floats:
            return _matched(*sums(s), CLOSE, (CLOSE,))

        def gap(s: Floats) -> Floats:
            low, high = (_matched(*sums(s), kind, (CLOSE, FAR)) for kind in (FAR, CLOSE))
            return high - low

        def position(s: Floats) -> Floats:
            rate, low = (_matched(*sums(s), kind, (CLOSE, FAR)) for kind in (LOOKALIKE, FAR))
            return _quotient(rate - low, gap(s))

        def lift(s: Floats) -> Floats:
            return _quotient(_matched(*sums(s), LOOKALIKE, (FAR,)), far(s))

        counted = [6 * bins + kind for kind in (LOOKALIKE, CLOSE, FAR)]
        lost = self.counts[:, LOOKALIKE, 0].sum(dim=1).numpy()
        return MatchedRates(
            rate=Measurement.ratio(lost, self.pairs(LOOKALIKE)),
            far=Measurement(totals, far, counted[FAR]),
            close=Measurement(totals, close, counted[CLOSE]),
            gap=Measurement(totals, gap, counted[LOOKALIKE]),
            position=Measurement(totals, position, counted[LOOKALIKE]),
            lift=Measurement(totals, lift, counted[LOOKALIKE]),
        )


def _matched(lost: Floats, pairs: Floats, kind: int, controls: tuple[int, ...]) -> Floats:
    """The rate of one kind, weighted by where the look-alikes are, over the bins in which all controls have pairs."""
    usable = (pairs[..., list(controls), :] > 0).all(axis=-2)
    weight = np.where(usable, pairs[..., LOOKALIKE, :], 0.0)
    rate = np.where(weight > 0, lost[..., kind, :] / pairs[..., kind, :], 0.0)
    return (weight * rate).sum(axis=-1) / weight.sum(axis=-1)


def _quotient(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient; NaN, not infinite, where the denominator is 0: there is nothing to compare with."""
    return np.where(denominator == 0, np.nan, numerator / denominator)
