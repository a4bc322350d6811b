"""Negatives drawn row by row in Python, with sets and rejection, as recommender libraries often do it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Seen = Mapping[int, frozenset[int]]
"""User -> items of the user's training interactions."""


def seen_sets(users: Iterable[int], items: Iterable[int]) -> Seen:
    """The training items of every user who has any."""
    seen: dict[int, set[int]] = {}
    for user, item in zip(users, items, strict=True):
        seen.setdefault(user, set()).add(item)
    return {user: frozenset(taken) for user, taken in seen.items()}


def uniform(users: Sequence[int], n: int, seen: Seen, num_items: int, rng: random.Random) -> list[list[int]]:
    """Draws n items for every user that are not among the training items, all equally likely, with replacement."""
    drawn = []
    for user in users:
        row = []
        for _ in range(n):
            item = rng.randrange(num_items)
            while item in seen.get(user, ()):
                item = rng.randrange(num_items)
            row.append(item)
        drawn.append(row)
    return drawn


def most_confused(
    users: Sequence[int],
    candidates: Sequence[Sequence[int]],
    user_vectors: NDArray[np.float32],
    item_vectors: NDArray[np.float32],
    otherwise: Sequence[int],
) -> list[int]:
    """Of each user's candidates the one that a branch scores highest; an item given in advance where there is none."""
    chosen = []
    for user, items, instead in zip(users, candidates, otherwise, strict=True):
        if len(items):
            scores = item_vectors[items] @ user_vectors[user]
            chosen.append(int(items[int(scores.argmax())]))
        else:
            chosen.append(instead)
    return chosen


def from_neighbors(
    users: Sequence[int],
    positives: Sequence[int],
    n: int,
    neighbors: Sequence[NDArray[np.int32]],
    seen: Seen,
    rng: random.Random,
) -> list[list[int]]:
    """Draws n of each positive's neighbours, with replacement, and leaves out the user's training items."""
    drawn = []
    for user, positive in zip(users, positives, strict=True):
        near = neighbors[positive]
        row = rng.choices(near.tolist(), k=n) if len(near) else []
        drawn.append([item for item in row if item not in seen.get(user, ())])
    return drawn
