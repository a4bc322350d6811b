"""Interactions of one table: who, what, and where known how much and when."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from brmrs_graph.data.raw.report import Report
from brmrs_graph.data.raw.tables import Table
from brmrs_graph.data.raw.values import as_id, as_number, as_time

LABEL = "x_label"
"""Column of the split that a source brings along, as in the project's own layout."""

VALUES = {"rating": "is no number", "timestamp": "is neither a number nor a date"}
"""What a pair may have besides its user and item, and what is wrong with a value of it that cannot be read."""


@dataclass(frozen=True)
class Pairs:
    """A table of interactions, and which of its columns hold what (empty: none does).

    Attributes:
        table: The table.
        user: Column of user ids.
        item: Column of item ids.
        rating: Column of ratings.
        timestamp: Column of times: numbers, or dates as in 2018-09-20.
        unit: Seconds of one unit of a time that is a number.
        label: Column that says to which split a pair belongs: 0 (train), 1 (valid) or 2 (test).
        split: The split of the whole table, where there is one table for each.
        guessed: Which of rating and timestamp have a column by a guess. Where nobody needs them, a value that cannot be
            read is no fault of the pair, which goes without it.
    """

    table: Table
    user: str
    item: str
    rating: str = ""
    timestamp: str = ""
    unit: float = 1.0
    label: str = ""
    split: int | None = None
    guessed: tuple[str, ...] = ()

    def read(self, report: Report, size: int, needed: Collection[str] = tuple(VALUES)) -> Iterator[pd.DataFrame]:
        """See :meth:`~brmrs_graph.data.raw.Source.interactions`."""
        columns = [column for column in (self.user, self.item, self.rating, self.timestamp, self.label) if column]
        for places, values in self.table.chunks(columns, report, size):
            absent: list[float | None] = [math.nan] * len(places)
            users = [as_id(value) for value in values[self.user]]
            items = [as_id(value) for value in values[self.item]]
            ratings = [as_number(value) for value in values[self.rating]] if self.rating else absent
            times = [as_time(value, self.unit) for value in values[self.timestamp]] if self.timestamp else absent
            labels = [_as_label(value) for value in values[self.label]] if self.label else [self.split] * len(places)
            checks: list[tuple[str, Sequence[Any], Any]] = [
                ("without a user id", users, ""),
                ("without an item id", items, ""),
            ]
            for role, column, read in (("rating", self.rating, ratings), ("timestamp", self.timestamp, times)):
                if role in self.guessed and role not in needed:
                    self._forget(places, report, f"{column} {VALUES[role]}; the {role} stays unknown", read)
                else:
                    checks.append((f"{column} {VALUES[role]}", read, None))
            if self.label:
                checks.append((f"{self.label} is none of 0, 1, 2", labels, None))
            broken = self._broken(places, report, checks)
            frame = pd.DataFrame(
                {
                    "user": pd.Series(users, dtype="str"),
                    "item": pd.Series(items, dtype="str"),
                    "rating": np.array(ratings, dtype=np.float64),
                    "timestamp": np.array(times, dtype=np.float64),
                }
            )
            if self.label or self.split is not None:
                frame[LABEL] = [label or 0 for label in labels]
            if broken:
                frame = frame.drop(index=sorted(broken)).reset_index(drop=True)
            report.keep(self.table.path, len(frame))
            if len(frame):
                yield frame
        report.finish(self.table.path)

    def _forget(self, places: Sequence[int], report: Report, reason: str, values: list[float | None]) -> None:
        """Puts NaN in the place of values that could not be read; each is reported."""
        for row in [row for row, value in enumerate(values) if value is None]:
            report.note(self.table.path, reason, places[row])
            values[row] = math.nan

    def _broken(
        self, places: Sequence[int], report: Report, checks: Sequence[tuple[str, Sequence[Any], Any]]
    ) -> set[int]:
        """Rows in which a column holds the mark of a value that could not be read; each is reported once."""
        broken: set[int] = set()
        for reason, column, mark in checks:
            if mark in column:
                rows = {row for row, value in enumerate(column) if value == mark} - broken
                for row in sorted(rows):
                    report.skip(self.table.path, reason, places[row])
                broken |= rows
        return broken


def _as_label(value: Any) -> int | None:
    label = as_number(value)
    return int(label) if label in {0, 1, 2} else None
