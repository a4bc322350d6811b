"""Fusion degeneration: users whom a single modality serves better than the fused score does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb

import torch
from torch import Tensor

from brmrs_graph.diagnosis.partition import require_same_users
from brmrs_graph.evaluation import Measurement, Ranking, ndcg


@dataclass(frozen=True)
class Degeneration:
    r"""How often, and by how much, the fused ranking is below the best unimodal one.

    Taking the best of several rankings is an advantage by itself, even if all are equally good, so that the rate alone
    says little. Two others stand beside it:

    * *of a single modality*: how often a unimodal ranking is below the best of the others, the fused one among them,
      averaged over modalities. Were the M + 1 rankings exchangeable, both rates would be the same. They need not be
      without any harm, though: a ranking that resembles all others lies between them and is seldom the best, and a
      modality that tells nearly nothing is nearly always below.
    * *chance*: how often the fused ranking is below the best of as many *fused* rankings of other seeds. It is too low
      where seeds agree more than the branches of one model do, and too high where they agree less.

    Args:
        rate: Share of users with NDCG@k(f) < max_m NDCG@k(m).
        rate_where_found: The same among users for whom any of these rankings has a hit; for all others both are 0.
        loss: Mean over all users of max(0, max_m NDCG@k(m) − NDCG@k(f)).
        of_single: Mean over modalities m of the share of users with NDCG@k(m) < max NDCG@k of all other rankings.
        beyond_single: rate − of_single.
        chance: Share of users with NDCG@k(f) < max_s NDCG@k(f of seed s), over M other seeds, M the number of
            modalities. None where there are not as many.
        chance_where_found: The same among users for whom any of *these* rankings has a hit (so that it equals
            ``rate_where_found`` where the unimodal rankings are as good as those of other seeds).
        excess: rate − chance, over the same users.
        excess_where_found: rate_where_found − chance_where_found, over the same users.
    """

    rate: Measurement
    rate_where_found: Measurement
    loss: Measurement
    of_single: Measurement
    beyond_single: Measurement
    chance: Measurement | None = None
    chance_where_found: Measurement | None = None
    excess: Measurement | None = None
    excess_where_found: Measurement | None = None


def fusion_degeneration(
    fused: Ranking, single: Mapping[str, Ranking], k: int = 20, *, other_seeds: Sequence[Ranking] = ()
) -> Degeneration:
    """Compares the fused ranking with unimodal ones, user by user.

    Equal lists of hits give exactly equal NDCG, so that a draw is no loss.

    Args:
        fused: The ranking by the fused score.
        single: Modality -> ranking: those of the same model's branches, or of unimodal models trained alone.
        k: Length of the ranking that is judged; no longer than the rankings are.
        other_seeds: Fused rankings of the same model trained with other seeds. Where there are more than modalities,
            the chance is the mean over all choices of as many.

    Raises:
        ValueError: If there is no unimodal ranking, or the rankings are not over the same users and held-out pairs.
    """
    if not single:
        raise ValueError("there is no unimodal ranking; give at least one to compare the fused ranking with")
    require_same_users(fused, *single.values(), *other_seeds)
    value = ndcg(fused, k)
    of_each = torch.stack([value, *(ndcg(ranking, k) for ranking in single.values())])
    best = of_each[1:].amax(dim=0)
    ones, worse, found = torch.ones_like(value), (value < best).double(), (torch.maximum(value, best) > 0).double()
    rate, rate_where_found = Measurement.ratio(worse, ones), Measurement.ratio(worse, found)
    loss = Measurement.ratio((best - value).clamp(min=0), ones)
    # Whether a ranking is below the best of the others is whether it is below the best of all.
    single_worse = (of_each[1:] < of_each.amax(dim=0)).double().mean(dim=0)
    beside = Measurement.ratio(single_worse, ones), _difference(worse, ones, single_worse, ones)
    if len(other_seeds) < len(single):
        return Degeneration(rate, rate_where_found, loss, *beside)

    others = torch.stack([ndcg(ranking, k) for ranking in other_seeds])
    by_chance = _any_of(others > value, len(single))
    found_by_chance = torch.where(value > 0, ones, by_chance)
    return Degeneration(
        rate,
        rate_where_found,
        loss,
        *beside,
        chance=Measurement.ratio(by_chance, ones),
        chance_where_found=Measurement.ratio(by_chance, found_by_chance),
        excess=_difference(worse, ones, by_chance, ones),
        excess_where_found=_difference(worse, found, by_chance, found_by_chance),
    )


def _any_of(events: Tensor, n: int) -> Tensor:
    """The chance that any of n of the events (bool, shape [events, users]) is true, over all choices of n, by user."""
    total = events.size(0)
    none = torch.tensor([comb(total - true, n) for true in range(total + 1)], dtype=torch.float64)
    return 1 - none[events.sum(dim=0)] / comb(total, n)


def _difference(first: Tensor, of_first: Tensor, second: Tensor, of_second: Tensor) -> Measurement:
    totals = torch.stack([first, of_first, second, of_second], dim=1).numpy()
    return Measurement((totals,), lambda s: s[..., 0] / s[..., 1] - s[..., 2] / s[..., 3], counted=1)
