"""Which branches find a held-out pair: the eight cells of two modalities and their fusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from brmrs_graph.branches import FUSED
from brmrs_graph.evaluation import Measurement, Ranking


@dataclass(frozen=True)
class Partition:
    """Shares of the held-out pairs by who finds them; each rests on all held-out pairs.

    A cell is named by its hits in the order of ``branches``: with (visual, textual, fused), ``"001"`` are the pairs
    that only the fused score finds.

    Args:
        branches: The modalities in order, and ``"fused"``.
        k: Length of the ranking that counts as found.
        cells: Cell -> share, all 2^(M+1) cells; they sum to 1.
        fusion_loss: Some modality finds the pair and the fused score does not (110 + 100 + 010).
        fusion_keeps: Some modality finds the pair and the fused score does, too (111 + 101 + 011).
        synergy: Only the fused score finds the pair (001).
        none: No ranking finds the pair (000).
        synergy_chance: What a unimodal ranking of another seed finds of the pairs that no unimodal ranking finds here,
            averaged over modalities and other seeds: so much one more ranking finds without fusing anything. It differs
            from this run by training as well, which the fused ranking does not. None where there is no other seed.
        beyond_chance: synergy − synergy_chance, over the same users.
    """

    branches: tuple[str, ...]
    k: int
    cells: Mapping[str, Measurement]
    fusion_loss: Measurement
    fusion_keeps: Measurement
    synergy: Measurement
    none: Measurement
    synergy_chance: Measurement | None = None
    beyond_chance: Measurement | None = None


@dataclass(frozen=True)
class FoundPairs:
    """The held-out pairs that at least one of some branches finds.

    Args:
        row: Position of the user in the rankings, int64, shape [n].
        item: The item, int64, shape [n].
        hit: Which branch finds it, bool, shape [n, branches].
    """

    row: Tensor
    item: Tensor
    hit: Tensor


def hit_partition(
    rankings: Mapping[str, Ranking],
    modalities: Sequence[str],
    k: int = 20,
    *,
    other_seeds: Sequence[Mapping[str, Ranking]] = (),
) -> Partition:
    r"""Sorts the held-out pairs into the :math:`2^{M+1}` cells of hit@k by (modality 1, …, modality M, fused).

    Args:
        rankings: Branch name -> ranking, all over the same users and held-out pairs.
        modalities: The unimodal branches, in order.
        k: Length of the ranking that counts as found; no longer than the rankings are.
        other_seeds: The rankings of the same model trained with other seeds, at least its unimodal ones.

    Raises:
        ValueError: If the rankings are not over the same users and held-out pairs.
    """
    branches = (*modalities, FUSED)
    others = [ranking[name] for ranking in other_seeds for name in modalities]
    require_same_users(*(rankings[name] for name in branches), *others)
    relevant = rankings[FUSED].num_relevant
    found = found_pairs(rankings, branches, k)
    number = (found.hit * _place_values(len(branches))).sum(dim=1)
    size = 2 ** len(branches)
    counts = torch.bincount(found.row * size + number, minlength=relevant.numel() * size).view(-1, size)
    counts[:, 0] = relevant - counts.sum(dim=1)

    def share(*numbers: int) -> Measurement:
        return Measurement.ratio(counts[:, list(numbers)].sum(dim=1), relevant)

    anew = _found_anew(found_pairs(rankings, modalities, k), others, k, relevant.numel()) if others else None
    # The last digit is the fused score's: odd numbers are found by it, 1 by it alone.
    return Partition(
        branches=branches,
        k=k,
        cells={"".join(map(str, cell)): share(i) for i, cell in enumerate(product((0, 1), repeat=len(branches)))},
        fusion_loss=share(*range(2, size, 2)),
        fusion_keeps=share(*range(3, size, 2)),
        synergy=share(1),
        none=share(0),
        synergy_chance=None if anew is None else Measurement.ratio(anew, relevant),
        beyond_chance=None if anew is None else Measurement.ratio(counts[:, 1] - anew, relevant),
    )


def found_pairs(rankings: Mapping[str, Ranking], branches: Sequence[str], k: int = 20) -> FoundPairs:
    """The held-out pairs that at least one of some branches finds, each once, and by whom.

    Args:
        rankings: Branch name -> ranking, all over the same users and held-out pairs.
        branches: Which of them.
        k: Length of the ranking that counts as found.
    """
    keys = [_found(rankings[name], k) for name in branches]
    pairs = torch.cat(keys).unique()
    hit = torch.stack([torch.isin(pairs, these) for these in keys], dim=1)
    return FoundPairs(pairs >> _ITEM_BITS, pairs & ((1 << _ITEM_BITS) - 1), hit)


def require_same_users(first: Ranking, *others: Ranking) -> None:
    """Checks that rankings can be compared user by user.

    Raises:
        ValueError: If they are over other users, or other numbers of held-out items.
    """
    for other in others:
        if not (torch.equal(first.users, other.users) and torch.equal(first.num_relevant, other.num_relevant)):
            raise ValueError(
                f"rankings of {first.users.numel()} and {other.users.numel()} users cover different held-out pairs; "
                "compare rankings of the same split of the same data"
            )


_ITEM_BITS = 32
"""A pair is held as one integer: the user's position above, the item in these bits."""


def _found(ranking: Ranking, k: int) -> Tensor:
    row = torch.arange(ranking.users.numel()).unsqueeze(1)
    return ((row << _ITEM_BITS) + ranking.items[:, :k])[ranking.hits[:, :k]]


def _place_values(digits: int) -> Tensor:
    return 2 ** torch.arange(digits - 1, -1, -1)


def _found_anew(found: FoundPairs, others: Sequence[Ranking], k: int, num_users: int) -> Tensor:
    """By user, the number of pairs that one of some other rankings finds and was not found, averaged over these."""
    pairs = (found.row << _ITEM_BITS) + found.item
    anew = [keys[~torch.isin(keys, pairs)] for keys in (_found(ranking, k) for ranking in others)]
    return torch.bincount(torch.cat(anew) >> _ITEM_BITS, minlength=num_users).double() / len(others)
