"""Which interactions are kept: rating threshold, one pair once, k-core; with the counts after each step."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from brmrs_graph.data.counted import counted
from brmrs_graph.errors import ConfigError, DataError

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Step:
    """What was there after a filter; what was there before it is the step before.

    Args:
        name: The filter, ``read`` for the interactions as they came.
        users: Users with an interaction.
        items: Items with an interaction.
        pairs: Interactions.
    """

    name: str
    users: int
    items: int
    pairs: int

    def to_dict(self) -> dict[str, str | int]:
        """The four values by name, as a manifest holds them."""
        return asdict(self)


@dataclass(frozen=True)
class Filters:
    """The filters, applied in this order.

    Ratings come first: of a pair that was rated 2 and later 5, with a threshold of 4, the 5 stays.

    Args:
        min_rating: Interactions with a lower rating, or without one, are left out (default: none are).
        core: Every user and every item keeps at least this many interactions (default: 0, no k-core).

    Raises:
        ConfigError: If ``min_rating`` is not a number or ``core`` is negative.
    """

    min_rating: float | None = None
    core: int = 0

    def __post_init__(self) -> None:
        """Checks the values."""
        if self.min_rating is not None and not np.isfinite(self.min_rating):
            raise ConfigError(f"the least rating is {self.min_rating}; give a number, or nothing to keep all ratings")
        if self.core < 0:
            raise ConfigError(f"the k of the k-core is {self.core}; give 0 (no k-core) or a positive number")

    def apply(
        self,
        users: NDArray[np.integer],
        items: NDArray[np.integer],
        ratings: NDArray[np.floating] | None = None,
        times: NDArray[np.floating] | None = None,
    ) -> tuple[NDArray[np.int64], list[Step]]:
        """Filters the interactions.

        Args:
            users: Number of the user of each interaction, from 0, shape ``(n,)``.
            items: Number of its item, from 0, shape ``(n,)``.
            ratings: Its rating, NaN where there is none, shape ``(n,)``.
            times: Its time, NaN where it is unknown, or whatever else says which one of a pair is the first, shape
                ``(n,)``.

        Returns:
            The rows kept, ascending, and the steps, the first of which is ``read``.

        Raises:
            DataError: If a filter leaves nothing, or a threshold is given and there are no ratings.
        """
        rows = np.arange(len(users), dtype=np.int64)
        steps = [_count("read", users, items)]
        if self.min_rating is not None:
            if ratings is None or np.isnan(ratings).all():
                raise DataError(
                    f"a least rating of {self.min_rating:g} is asked for, but these interactions have no ratings; "
                    "leave the threshold out, or say which column holds the rating (--columns.rating NAME)"
                )
            rows = rows[ratings >= self.min_rating]  # NaN compares False
            steps.append(_left(f"rating >= {self.min_rating:g}", users[rows], items[rows], steps[-1]))
        rows = rows[first_of_each(users[rows], items[rows], None if times is None else times[rows])]
        steps.append(_left("first of each pair", users[rows], items[rows], steps[-1]))
        if self.core > 1:  # whoever is there has one interaction
            rows = rows[k_core(users[rows], items[rows], self.core)]
            steps.append(_left(f"{self.core}-core", users[rows], items[rows], steps[-1]))
        return rows, steps


def first_of_each(
    users: NDArray[np.integer], items: NDArray[np.integer], times: NDArray[np.floating] | None = None
) -> Mask:
    """Marks the first interaction of every (user, item) pair.

    Args:
        users: Number of the user of each interaction, from 0, shape ``(n,)``.
        items: Number of its item, from 0, shape ``(n,)``.
        times: Its time: the earliest comes first, one without a time last, and the earlier row among equals
            (default: the order of the rows).

    Returns:
        True for the interactions to keep, shape ``(n,)``.
    """
    key = _pair_keys(users, items)
    order = np.argsort(key, kind="stable") if times is None else np.lexsort((times, key))
    ordered = key[order]
    mask = np.ones(len(key), dtype=bool)
    mask[order[1:]] = ordered[1:] != ordered[:-1]
    return mask


def k_core(users: NDArray[np.integer], items: NDArray[np.integer], k: int) -> Mask:
    """Marks the k-core: the largest set of interactions in which every user and every item has at least k.

    Users and items with fewer are left out in turn until none is left out. What remains does not depend on the
    order, since a larger set never has fewer interactions of anyone.

    Args:
        users: Number of the user of each interaction, from 0, shape ``(n,)``; every pair occurs once.
        items: Number of its item, from 0, shape ``(n,)``.
        k: Least number of interactions.

    Returns:
        True for the interactions to keep, shape ``(n,)``.
    """
    rows = np.arange(len(users))
    left_users, left_items = np.asarray(users), np.asarray(items)
    while len(rows):
        enough = (np.bincount(left_users) >= k)[left_users] & (np.bincount(left_items) >= k)[left_items]
        if enough.all():
            break
        rows, left_users, left_items = rows[enough], left_users[enough], left_items[enough]
    mask = np.zeros(len(users), dtype=bool)
    mask[rows] = True
    return mask


def describe(steps: list[Step]) -> str:
    """The steps as a table for a person, with what each filter left of the interactions before it."""
    width = max(len(step.name) for step in steps)
    lines = [f"{'':{width}}  {'users':>12}  {'items':>12}  {'interactions':>14}"]
    for before, step in zip([steps[0], *steps], steps, strict=False):
        share = f"  {step.pairs / before.pairs:6.1%}" if step is not before and before.pairs else ""
        lines.append(f"{step.name:{width}}  {step.users:12,}  {step.items:12,}  {step.pairs:14,}{share}")
    return "\n".join(lines)


def _pair_keys(users: NDArray[np.integer], items: NDArray[np.integer]) -> NDArray[np.int64]:
    users, items = np.asarray(users, dtype=np.int64), np.asarray(items, dtype=np.int64)
    return users * (int(items.max(initial=0)) + 1) + items


def _count(name: str, users: NDArray[np.integer], items: NDArray[np.integer]) -> Step:
    present_users, present_items = (int(np.count_nonzero(np.bincount(codes))) for codes in (users, items))
    return Step(name, users=present_users, items=present_items, pairs=len(users))


def _left(name: str, users: NDArray[np.integer], items: NDArray[np.integer], before: Step) -> Step:
    if not len(users):
        raise DataError(
            f"the filter '{name}' leaves none of the {counted(before.pairs, 'interaction')} of "
            f"{counted(before.users, 'user')} with {counted(before.items, 'item')}; ask for less"
        )
    return _count(name, users, items)
