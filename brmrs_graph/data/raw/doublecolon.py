"""GroupLens's tables: values between two colons, without quotes and without a header."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from brmrs_graph.data.raw.lines import read_lines
from brmrs_graph.data.raw.report import Report
from brmrs_graph.data.raw.tables import Chunk
from brmrs_graph.errors import DataError

COLUMNS = {
    "ratings": ("UserID", "MovieID", "Rating", "Timestamp"),
    "movies": ("MovieID", "Title", "Genres"),
    "users": ("UserID", "Gender", "Age", "Occupation", "Zip-code"),
    "tags": ("UserID", "MovieID", "Tag", "Timestamp"),
}
"""Name of each file -> its columns, as the releases' READMEs call them."""

_SEPARATOR = "::"


@dataclass(frozen=True)
class DoubleColon:
    """A table of GroupLens, in UTF-8 or, as that of 2003, in Latin-1.

    Attributes:
        path: The file, plain or gzipped.
    """

    path: Path

    def columns(self) -> tuple[str, ...]:
        """Those that the name of the file stands for."""
        name = self.path.name.lower().split(".")[0]
        if name not in COLUMNS:
            raise DataError(
                f"{self.path} has no header, and its name is none of {', '.join(f'{known}.dat' for known in COLUMNS)}; "
                "rename it, or write it as .csv with a header"
            )
        return COLUMNS[name]

    def chunks(self, columns: Sequence[str], report: Report, size: int) -> Iterator[Chunk]:
        """See :class:`~brmrs_graph.data.raw.tables.Table`."""
        there = self.columns()
        rows = self._rows(len(there), report)
        while numbered := list(islice(rows, size)):
            absent = [None] * len(numbered)
            values = dict(zip(there, zip(*(row for _, row in numbered), strict=True), strict=True))
            yield Chunk([place for place, _ in numbered], {name: list(values.get(name, absent)) for name in columns})

    def _rows(self, width: int, report: Report) -> Iterator[tuple[int, list[str]]]:
        for place, line in read_lines(self.path, report, otherwise="latin-1"):
            row = line.rstrip("\r\n").split(_SEPARATOR)
            if len(row) == width:
                yield place, row
            elif not line.isspace():
                report.skip(self.path, f"not {width} values between '{_SEPARATOR}'", place)
