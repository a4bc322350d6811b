"""Complementarity failure: how often the fused score confuses items that one of the modalities tells apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import scipy.sparse as sp
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

    The controls are standardised to the popularity of both items of the look-alikes, since popular items are scored
    high whatever they look like. With strata g of the bins :math:`\lfloor \log_2(1 + d) \rfloor` of the training
    degrees of i+ and j, the look-alikes' shares :math:`w_g` and a control's rates :math:`r_g`, its matched rate is
    :math:`\sum_g w_g r_g`. Strata in which there are no look-alikes or a control is missing are left out of everything.

    Args:
        rate: The rate for the look-alikes; rests on as many comparisons as its count says.
        far: The matched rate for items far in both modalities.
        close: The matched rate for items close in both modalities.
        gap: close − far, the scale of ``position``; where it is not clearly above 0 there is none.
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
class Failures:
    r"""Look-alikes where A is fooled and B is right: :math:`s_A(u,j) \ge s_A(u,i_+)`, :math:`s_B(u,i_+) > s_B(u,j)`.

    A fused score that always follows A fails in every one of them, one that always follows B in none. Plain fusion
    gives the scale: the sum of the two scores, each in standard deviations of its own (over items, one for all users).
    There is no control for popularity: what the condition selects differs from one kind of item to another.

    Args:
        rate: How often the fused score follows A, :math:`s_f(u,j) \ge s_f(u,i_+)`.
        condition: The share of the look-alikes that meet the condition.
        of_sum: The rate that :math:`s_A / \sigma_A + s_B / \sigma_B` has in the same comparisons.
        beyond_sum: rate − of_sum.
    """

    rate: Measurement
    condition: Measurement
    of_sum: Measurement
    beyond_sum: Measurement


@dataclass(frozen=True)
class Complementarity:
    r"""Failures in the direction (A, B): items close to the positive in A that B could tell from it.

    Args:
        direction: (A, B).
        content: :math:`P[s_f(u,j) \ge s_f(u,i_+) \mid j \in P_{A \setminus B}(i_+)]` with its controls.
        failure: The same where A is fooled and B is right. None where the model has no branch A or no branch B.
    """

    direction: Direction
    content: MatchedRates
    failure: Failures | None


@dataclass(frozen=True)
class Outcomes:
    """What became of some comparisons (u, i+, j).

    Args:
        pair: Held-out pair of each, int64, shape [m].
        item: The item j of each, int64, shape [m].
        loses: Whether s_f(u, j) ≥ s_f(u, i+), bool, shape [m].
        condition: Direction -> whether A is fooled and B is right, bool, shape [m].
        sum_loses: Direction -> whether the sum of the scores of A and B prefers j or ties, bool, shape [m].
    """

    pair: Tensor
    item: Tensor
    loses: Tensor
    condition: dict[Direction, Tensor]
    sum_loses: dict[Direction, Tensor]


@torch.no_grad()
def outcomes(
    branches: Branches, sets: CandidateSets, graph: SparseGraph, directions: tuple[Direction, ...]
) -> Iterator[Outcomes]:
    """Scores the comparisons of an item graph, block by block.

    Args:
        branches: The model's branches.
        sets: The held-out pairs.
        graph: Row i+ lists the items j.
        directions: The (A, B) whose conditions are wanted; those for which the model lacks a branch are left out.
    """
    directions = tuple(d for d in directions if set(d) <= set(branches.modalities))
    names = (FUSED, *dict.fromkeys(name for direction in directions for name in direction))
    require_finite(branches, names)
    unit = {name: _deviation(branches, name) for name in names if name != FUSED}
    for pair, item in sets.compared(graph):
        scores = compare_scores(branches, sets, pair, item, names)
        loses = {name: other >= liked for name, (liked, other) in scores.items()}
        lead = {name: (scores[name][1].double() - scores[name][0].double()) / unit[name] for name in unit}
        yield Outcomes(
            pair,
            item,
            loses[FUSED],
            {(a, b): loses[a] & ~loses[b] for a, b in directions},
            {(a, b): lead[a] + lead[b] >= 0 for a, b in directions},
        )


def _deviation(branches: Branches, name: str) -> float:
    r"""The deviation of scores over items, root mean square over users.

    .. math:: \sqrt{\mathrm{tr}(E[u u^T] \, \mathrm{Cov}[v])}
    """
    users, items = branches.users(name).double(), branches.items(name).double()
    items = items - items.mean(dim=0)
    variance = (users.t() @ users / len(users) * (items.t() @ items / len(items))).sum()
    return float(variance.clamp(min=0).sqrt()) or 1.0


def complementarity(branches: Branches, sets: CandidateSets) -> dict[Direction, Complementarity]:
    """Measures both complementarity failure rates in every direction.

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
    num_bins = int(bins.max()) + 1
    for a, b in combinations(dict.fromkeys(name for direction in sets.lookalikes for name in direction), 2):
        ab, ba = (a, b), (b, a)
        sources: list[tuple[SparseGraph, int, tuple[Direction, ...]]] = [
            (sets.lookalikes[ab], LOOKALIKE, (ab,)),
            (sets.lookalikes[ba], LOOKALIKE, (ba,)),
            (sets.close[ab], CLOSE, (ab, ba)),
            (sets.far[ab], FAR, (ab, ba)),
        ]
        has_both = {a, b} <= set(branches.modalities)
        tallies = {d: _Tally(sets.num_users, num_bins) for d in (ab, ba)}
        cases = {d: torch.zeros(3, sets.num_users, dtype=torch.float64) for d in (ab, ba) if has_both}
        for graph, kind, directions in sources:
            # Conditions are asked of look-alikes alone.
            for seen in outcomes(branches, sets, graph, directions if kind == LOOKALIKE else ()):
                row = sets.row[seen.pair]
                for d in directions:
                    tallies[d].add(kind, row, bins[sets.items[seen.pair]], bins[seen.item], seen.loses)
                for d, met in seen.condition.items():
                    counted = torch.stack([torch.ones_like(met), seen.loses, seen.sum_loses[d]])
                    cases[d].index_add_(1, row[met], counted[:, met].double())
        for d in (ab, ba):
            failure = _failures(cases[d], tallies[d].pairs(LOOKALIKE)) if has_both else None
            measured[d] = Complementarity(d, tallies[d].rates(), failure)
    return measured


def _failures(counts: Tensor, pairs: Tensor) -> Failures:
    cases, lost, lost_by_sum = counts
    return Failures(
        rate=Measurement.ratio(lost, cases),
        condition=Measurement.ratio(cases, pairs),
        of_sum=Measurement.ratio(lost_by_sum, cases),
        beyond_sum=Measurement.ratio(lost - lost_by_sum, cases),
    )


class _Tally:
    """Comparisons, and those lost, by user, kind of item and stratum of popularity."""

    def __init__(self, num_users: int, num_bins: int) -> None:
        self.num_bins = num_bins
        self.counts = torch.zeros(num_users, 3, 2, num_bins**2, dtype=torch.int32)

    def add(self, kind: int, row: Tensor, liked_bin: Tensor, item_bin: Tensor, loses: Tensor) -> None:
        step = self.num_bins**2
        at = (row * 3 + kind) * 2 * step + liked_bin * self.num_bins + item_bin
        flat = self.counts.view(-1)
        flat.index_add_(0, at, loses.int())
        flat.index_add_(0, at + step, torch.ones_like(at, dtype=torch.int32))

    def pairs(self, kind: int) -> Tensor:
        """Comparisons by user, shape [users]."""
        return self.counts[:, kind, 1].sum(dim=1)

    def rates(self) -> MatchedRates:
        # Which strata have comparisons of all three kinds follows from the data, not from the model.
        counts = self.counts[..., (self.counts[:, :, 1].sum(dim=0) > 0).all(dim=0)]
        size = counts.size(-1)
        # One array serves all: the sums by kind and stratum, then the comparisons of each kind. Most are 0, since
        # users have few held-out pairs.
        totals = (sp.csr_array(torch.cat([counts.flatten(1), counts[:, :, 1].sum(dim=2)], dim=1).double().numpy()),)

        def rates(s: Floats) -> Floats:  # of each kind, shape [..., 3]
            tables = s[..., : 6 * size].reshape(*s.shape[:-1], 3, 2, size)
            lost, pairs = tables[..., 0, :], tables[..., 1, :]
            # A resample may leave a stratum without some kind.
            weight = np.where((pairs > 0).all(axis=-2, keepdims=True), pairs[..., [LOOKALIKE], :], 0.0)
            rate = np.where(weight > 0, lost / pairs, 0.0)
            return (weight * rate).sum(axis=-1) / weight.sum(axis=-1)

        def of(value: Callable[[Floats, Floats, Floats], Floats], kind: int = LOOKALIKE) -> Measurement:
            return Measurement(totals, lambda s: value(*np.moveaxis(rates(s), -1, 0)), 6 * size + kind)

        return MatchedRates(
            rate=of(lambda look, close, far: look),
            far=of(lambda look, close, far: far, FAR),
            close=of(lambda look, close, far: close, CLOSE),
            gap=of(lambda look, close, far: close - far),
            position=of(lambda look, close, far: _quotient(look - far, close - far)),
            lift=of(lambda look, close, far: _quotient(look, far)),
        )


def _quotient(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient; NaN, not infinite, where the denominator is 0: there is nothing to compare with."""
    return np.where(denominator == 0, np.nan, numerator / denominator)
