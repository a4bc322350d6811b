"""Splitting pairs into training, validation and test: at random by user, by every user's time, by the calendar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brmrs_graph.errors import DataError

TRAIN, VALID, TEST = 0, 1, 2
"""The values of ``x_label``."""


def held_out_counts(n_pairs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many of a user's pairs are held out, by the rule of MMRec's published splits.

    Fewer than 10 pairs: one for validation, one for test. From 10 on: ``h = int(0.2 n)`` pairs, of which ``h
    // 2`` for validation and the rest for test. A user with fewer than three pairs keeps them all for
    training, which the published rule leaves open because its data sets are 5-cores.

    Args:
        n_pairs: Pairs of each user, any shape.

    Returns:
        The numbers of validation and of test pairs, each shaped like ``n_pairs``.
    """
    n_pairs = np.asarray(n_pairs, dtype=np.int64)
    held = n_pairs // 5  # int(0.2 * n) in integers: the same for every n, without a rounding to think about
    few = n_pairs < 10
    valid = np.where(few, 1, held // 2)
    test = np.where(few, 1, held - held // 2)
    splittable = n_pairs >= 3
    return valid * splittable, test * splittable


def split_labels(users: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.int8]:
    """Draw a random per-user split (8:1:1 for long histories, leave-one-out twice for short ones).

    Each user's pairs are shuffled; :func:`held_out_counts` says how many go where. Every user that has a pair
    keeps at least one training pair. The cost is one sort, whatever the number of users.

    Args:
        users: User of each pair, shape ``(n_pairs,)``, in any order; the ids need not be contiguous.
        rng: Source of the shuffle; the only randomness used.

    Returns:
        ``x_label`` of each pair in the order given, shape ``(n_pairs,)``: 0 training, 1 validation, 2 test.
    """
    users = np.asarray(users)
    if users.ndim != 1:
        raise ValueError(f"users must be one-dimensional, got shape {users.shape}")
    return _hold_out(users, (rng.random(len(users)),), (VALID, TEST))


def split_labels_by_time(
    users: NDArray[np.integer], times: NDArray[np.floating], rng: np.random.Generator
) -> NDArray[np.int8]:
    """Split every user's pairs by time: the latest are for test, those before them for validation.

    As many pairs are held out as in :func:`split_labels`. Pairs of one user at one time (of one day, where the
    source counts days) have no order: they are put in one at random, so that they may fall into different splits.
    Keeping them together would leave many users of such sources without a held-out pair.

    Args:
        users: User of each pair, shape ``(n_pairs,)``, in any order; the ids need not be contiguous.
        times: Time of each pair in any unit, shape ``(n_pairs,)``.
        rng: Orders pairs of one time; the only randomness used.

    Returns:
        ``x_label`` of each pair in the order given, shape ``(n_pairs,)``: 0 training, 1 validation, 2 test.

    Raises:
        DataError: If the time of a pair is not known.
    """
    users, moments = np.asarray(users), _known(times)
    if users.ndim != 1 or users.shape != moments.shape:
        raise ValueError(f"users and times must be one-dimensional and equally long: {users.shape}, {moments.shape}")
    return _hold_out(users, (rng.random(len(users)), -moments), (TEST, VALID))


def split_labels_by_cutoff(
    times: NDArray[np.floating], valid: float = 0.1, test: float = 0.1
) -> tuple[NDArray[np.int8], tuple[float, float]]:
    """Split all pairs at two moments, the same for all users: training before, then validation, then test.

    This is how a recommender meets the world, with users and items that training has not seen; :func:`cold` counts
    them. Pairs of one time stay together. The two moments are therefore those between which the shares come closest
    to the ones asked for.

    Args:
        times: Time of each pair in any unit, shape ``(n_pairs,)``.
        valid: Share of the pairs for validation.
        test: Share of the pairs, the latest, for test.

    Returns:
        ``x_label`` of each pair, shape ``(n_pairs,)``, and the times of the first pair of validation and of test.

    Raises:
        DataError: If the time of a pair is not known, or there are fewer than three times.
        ValueError: If a share is not positive, or nothing is left for training.
    """
    if not (valid > 0 and test > 0 and valid + test < 1):
        raise ValueError(
            f"shares of {valid} for validation and {test} for test leave nothing for a split; use 0.1, 0.1"
        )
    times = _known(times)
    moments, counts = np.unique(times, return_counts=True)
    if len(moments) < 3:
        raise DataError(
            f"the interactions have {len(moments)} different times, and a split by time needs at least 3; "
            "split at random"
        )
    before = np.cumsum(counts)[:-1] / len(times)  # share of pairs before moments[1], moments[2], ...
    first_valid = 1 + int(np.abs(before[:-1] - (1 - valid - test)).argmin())
    first_test = first_valid + 1 + int(np.abs(before[first_valid:] - (1 - test)).argmin())
    cutoffs = float(moments[first_valid]), float(moments[first_test])
    return np.searchsorted(cutoffs, times, side="right").astype(np.int8), cutoffs


def torn_pairs(users: NDArray[np.integer], items: NDArray[np.integer], labels: NDArray[np.integer]) -> int:
    """Count the pairs that occur in several splits.

    Args:
        users: Number of the user of each interaction, from 0, shape ``(n,)``.
        items: Number of its item, from 0, shape ``(n,)``.
        labels: Its ``x_label``, shape ``(n,)``.
    """
    order = np.lexsort((labels, items, users))
    users, items, labels = (side[order] for side in (users, items, labels))
    again = (users[1:] == users[:-1]) & (items[1:] == items[:-1])
    changes = np.flatnonzero(again & (labels[1:] != labels[:-1]))
    # A pair in all three splits changes twice, and is one pair.
    return len(np.unique(np.cumsum(~again)[changes]))


@dataclass(frozen=True)
class Cold:
    """Who is held out without having been trained on.

    Args:
        users: Users with a held-out pair and no training pair.
        items: Items with a held-out pair and no training pair.
        pairs_of_users: Held-out pairs of those users.
        pairs_of_items: Held-out pairs of those items.
        held_out: All held-out pairs.
    """

    users: int
    items: int
    pairs_of_users: int
    pairs_of_items: int
    held_out: int


def cold(users: NDArray[np.integer], items: NDArray[np.integer], labels: NDArray[np.integer]) -> Cold:
    """Count users and items that a split holds out without training on them.

    Args:
        users: Number of the user of each pair, from 0, shape ``(n_pairs,)``.
        items: Number of its item, from 0, shape ``(n_pairs,)``.
        labels: Its ``x_label``, shape ``(n_pairs,)``.
    """
    training = np.asarray(labels) == TRAIN
    (cold_users, pairs_of_users), (cold_items, pairs_of_items) = (
        _unseen(np.asarray(codes), training) for codes in (users, items)
    )
    return Cold(cold_users, cold_items, pairs_of_users, pairs_of_items, held_out=int((~training).sum()))


def _unseen(codes: NDArray[np.integer], training: NDArray[np.bool_]) -> tuple[int, int]:
    """Codes without a training pair, and their pairs."""
    trained = np.zeros(int(codes.max(initial=-1)) + 1, dtype=bool)
    trained[codes[training]] = True
    unseen = codes[~trained[codes]]
    return len(np.unique(unseen)), len(unseen)


def _known(times: NDArray[np.floating]) -> NDArray[np.float64]:
    known: NDArray[np.float64] = np.asarray(times, dtype=np.float64)
    unknown = ~np.isfinite(known)
    if unknown.any():
        raise DataError(
            f"{int(unknown.sum()):,} of {len(known):,} interactions have no time (the first is number "
            f"{int(unknown.argmax()) + 1}); split at random, or leave them out"
        )
    return known


def _hold_out(
    users: NDArray[np.integer], keys: tuple[NDArray[np.float64], ...], held: tuple[int, int]
) -> NDArray[np.int8]:
    """Sort every user's pairs by the keys (the last key counts first) and hold out the first ones, label by label."""
    if not len(users):
        return np.empty(0, dtype=np.int8)
    _, owner, n_pairs = np.unique(users, return_inverse=True, return_counts=True)
    order = np.lexsort((*keys, owner))  # grouped by user, sorted inside each
    first = np.cumsum(n_pairs) - n_pairs
    place = np.arange(len(users)) - np.repeat(first, n_pairs)  # 0..n-1 inside each user

    count = dict(zip((VALID, TEST), held_out_counts(n_pairs), strict=True))
    begin, end = (np.repeat(ends, n_pairs) for ends in (count[held[0]], count[VALID] + count[TEST]))
    ordered = np.full(len(users), TRAIN, dtype=np.int8)
    ordered[place < end] = held[1]
    ordered[place < begin] = held[0]

    labels = np.empty_like(ordered)
    labels[order] = ordered
    return labels
