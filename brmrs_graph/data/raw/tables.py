"""Tables of any format as chunks of chosen columns: JSON lines, separated values, Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from brmrs_graph.data.raw.lines import read_lines
from brmrs_graph.data.raw.loose import parse_loose
from brmrs_graph.data.raw.report import Report
from brmrs_graph.errors import DataError

_PEEK = 100  # records looked at to find out which columns there are


class Chunk(NamedTuple):
    """A few records of a table.

    Attributes:
        places: Line (or record) number of each.
        columns: The values of each column that was asked for; None where a record lacks it.
    """

    places: list[int]
    columns: dict[str, list[Any]]


class Table(Protocol):
    """A file of records. Broken ones are reported and left out; what makes the file unreadable is a DataError."""

    @property
    def path(self) -> Path:
        """The file."""

    def columns(self) -> tuple[str, ...]:
        """Names of the columns, as far as the head of the file tells."""

    def chunks(self, columns: Sequence[str], report: Report, size: int) -> Iterator[Chunk]:
        """At most ``size`` records at a time."""


@dataclass(frozen=True)
class JsonLines:
    """One JSON object a line or, in Amazon's metadata of 2014, one Python dictionary.

    Attributes:
        path: The file, plain or gzipped.
    """

    path: Path

    def columns(self) -> tuple[str, ...]:
        """Every key of the first records, in the order in which they come."""
        records = islice(self._records(Report()), _PEEK)
        columns = tuple(dict.fromkeys(key for _, record in records for key in record))
        if not columns:
            raise DataError(f"{self.path} holds no JSON objects of one line each")
        return columns

    def chunks(self, columns: Sequence[str], report: Report, size: int) -> Iterator[Chunk]:
        """See :class:`Table`."""
        records = self._records(report)
        while True:
            chunk = Chunk([], {column: [] for column in columns})
            values = list(chunk.columns.items())
            for place, record in islice(records, size):
                chunk.places.append(place)
                for column, column_values in values:
                    column_values.append(record.get(column))
            if not chunk.places:
                return
            yield chunk

    def _records(self, report: Report) -> Iterator[tuple[int, dict[str, Any]]]:
        for place, line in read_lines(self.path, report):
            if line.isspace():
                continue
            try:
                record = _parse(line)
            except (ValueError, RecursionError):
                report.skip(self.path, "not a JSON object of its own line", place)
                continue
            if isinstance(record, dict):
                yield place, record
            else:
                report.skip(self.path, "not a JSON object of its own line", place)


def _parse(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return parse_loose(line)
