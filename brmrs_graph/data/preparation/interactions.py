"""The first stage: the interactions of a source, filtered and split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from brmrs_graph.data.filters import Filters, Step
from brmrs_graph.data.raw import Report, Source
from brmrs_graph.data.splits import split_labels, split_labels_by_cutoff, split_labels_by_time, torn_pairs
from brmrs_graph.errors import ConfigError, DataError

SplitRule = Literal["given", "random", "time", "cutoff"]
SPLIT_RULES: tuple[SplitRule, ...] = get_args(SplitRule)
"""How interactions are split: as the source says; at random by user; by user, the latest for test; at two moments."""


@dataclass(frozen=True)
class Interactions:
    """Interactions by number, in the order of the source, with the split that each one belongs to.

    Args:
        user_ids: Original ids of the users that are left, in the order in which they were met.
        item_ids: The same of the items.
        users: Place in ``user_ids`` of the user of each interaction, int64, shape [n].
        items: Place in ``item_ids`` of its item, int64, shape [n].
        labels: 0 for training, 1 for validation, 2 for test, int8, shape [n].
        steps: Counts as they were read and after each filter.
        rule: How they were split.
        cutoffs: With the rule ``cutoff``, the times of the first interaction of validation and of test.
        torn: With the rule ``given``, pairs that occur in several splits; the earliest one has them.
    """

    user_ids: list[str]
    item_ids: list[str]
    users: NDArray[np.int64]
    items: NDArray[np.int64]
    labels: NDArray[np.int8]
    steps: list[Step]
    rule: SplitRule
    cutoffs: tuple[float, float] | None = None
    torn: int = 0

    def chunks(self, size: int = 250_000) -> Iterator[pd.DataFrame]:
        """Tables of ``userID``, ``itemID`` and ``x_label``, ready to be written, at most ``size`` rows each."""
        user_ids, item_ids = (np.array(ids, dtype=object) for ids in (self.user_ids, self.item_ids))
        for start in range(0, len(self.users), size):
            part = slice(start, start + size)
            yield pd.DataFrame(
                {
                    "userID": user_ids[self.users[part]],
                    "itemID": item_ids[self.items[part]],
                    "x_label": self.labels[part],
                }
            )


def collect_interactions(
    source: Source,
    report: Report,
    filters: Filters | None = None,
    rule: SplitRule | None = None,
    seed: int = 999,
    *,
    progress: bool = False,
) -> Interactions:
    """Reads all interactions of a source chunk by chunk, filters and splits them.

    Memory holds the ids once and about 40 bytes for each interaction, whatever the size of the files.

    Args:
        source: The source.
        report: Where broken records are counted.
        filters: What is kept (default: every pair once).
        rule: How to split, see :data:`SPLIT_RULES` (default: as given, or at random where no split is given).
        seed: Seed of everything random in it.
        progress: Whether to show a progress bar.

    Raises:
        ConfigError: If there is no such rule.
        DataError: If the source is broken, a filter leaves nothing, or it has no split or no times to split by.
    """
    rule = rule or ("given" if source.split else "random")
    if rule not in SPLIT_RULES:
        raise ConfigError(f"the split rule '{rule}' is unknown; choose one of {', '.join(SPLIT_RULES)}")
    filters = filters or Filters()
    needed = {"rating"} if filters.min_rating is not None else set()
    needed |= {"timestamp"} if rule in {"time", "cutoff"} else set()
    user_ids, item_ids = _Ids(), _Ids()
    codes: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    known: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    given: list[NDArray[np.int8]] = []
    with tqdm(desc="interactions", unit="", unit_scale=True, disable=not progress) as bar:
        for chunk in source.interactions(report, needed=needed):
            codes.append((user_ids.numbers(chunk["user"]), item_ids.numbers(chunk["item"])))
            known.append((chunk["rating"].to_numpy(np.float64), chunk["timestamp"].to_numpy(np.float64)))
            if "x_label" in chunk:
                given.append(chunk["x_label"].to_numpy(np.int8))
            bar.update(len(chunk))
    if not codes:
        raise DataError(f"{source.folder} holds no interactions; fetch its files again")
    users, items = (np.concatenate(side) for side in zip(*codes, strict=True))
    ratings, times = (np.concatenate(side) for side in zip(*known, strict=True))
    whole = np.concatenate(given) if rule == "given" and len(given) == len(codes) else None
    # As in a folder that is read as it is, a pair in several given splits belongs to the earliest one.
    rows, steps = filters.apply(users, items, ratings, times if whole is None else whole.astype(np.float64))
    torn = 0
    if whole is not None:
        rated = ratings >= filters.min_rating if filters.min_rating is not None else np.ones(len(users), dtype=bool)
        torn = torn_pairs(users[rated], items[rated], whole[rated])
    users, items, times = users[rows], items[rows], times[rows]
    labels, cutoffs = _split(source, rule, users, times, None if whole is None else whole[rows], seed)
    left_users, left_items = (np.unique(side) for side in (users, items))
    return Interactions(
        user_ids.names(left_users),
        item_ids.names(left_items),
        np.searchsorted(left_users, users),
        np.searchsorted(left_items, items),
        labels,
        steps,
        rule,
        cutoffs,
        torn,
    )


def _split(
    source: Source,
    rule: SplitRule,
    users: NDArray[np.int64],
    times: NDArray[np.float64],
    given: NDArray[np.int8] | None,
    seed: int,
) -> tuple[NDArray[np.int8], tuple[float, float] | None]:
    rng = np.random.default_rng(seed)
    if rule == "given":
        if given is None:
            raise DataError(
                f"{source.folder} does not say which interactions are for test; split at random or by time "
                "(--split random, --split time)"
            )
        return given, None
    if rule == "random":
        return split_labels(users, rng), None
    if not np.isfinite(times).all():
        raise DataError(
            f"{int((~np.isfinite(times)).sum()):,} of {len(times):,} interactions in {source.folder} have no time; "
            "split at random (--split random), or say which column holds the time (--columns.timestamp NAME)"
        )
    if rule == "time":
        return split_labels_by_time(users, times, rng), None
    return split_labels_by_cutoff(times)


class _Ids:
    """Numbers ids in the order in which they are met."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}

    def numbers(self, ids: pd.Series) -> NDArray[np.int64]:
        codes, names = pd.factorize(ids)
        known = [self._number.setdefault(name, len(self._number)) for name in names]
        return np.array(known, dtype=np.int64)[codes]

    def names(self, numbers: NDArray[np.int64]) -> list[str]:
        names = list(self._number)
        return [names[number] for number in numbers]
