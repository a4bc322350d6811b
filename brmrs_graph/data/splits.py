"""Splitting the pairs of every user into training, validation and test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
    if not len(users):
        return np.empty(0, dtype=np.int8)

    _, owner, n_pairs = np.unique(users, return_inverse=True, return_counts=True)
    order = np.lexsort((rng.random(len(users)), owner))  # grouped by user, shuffled inside each
    first = np.cumsum(n_pairs) - n_pairs
    place = np.arange(len(users)) - np.repeat(first, n_pairs)  # 0..n-1 inside each user

    valid, test = (np.repeat(count, n_pairs) for count in held_out_counts(n_pairs))
    shuffled = np.full(len(users), TRAIN, dtype=np.int8)
    shuffled[place < valid + test] = TEST
    shuffled[place < valid] = VALID

    labels = np.empty_like(shuffled)
    labels[order] = shuffled
    return labels
