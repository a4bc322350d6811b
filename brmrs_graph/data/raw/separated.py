"""Tables of separated values: CSV, TSV, the atomic files of RecBole, MMRec's interactions."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from brmrs_graph.data.raw.lines import read_lines
from brmrs_graph.data.raw.report import Report
from brmrs_graph.data.raw.tables import Chunk
from brmrs_graph.errors import DataError

_DELIMITERS = ",;\t|"
_UNMATCHED = f"quotes that do not match, or a value over {csv.field_size_limit():,} characters"


@dataclass(frozen=True)
class Separated:
    """Values between delimiters, with a header line.

    Attributes:
        path: The file, plain or gzipped.
        delimiter: What separates values; empty for the one of comma, semicolon, tab and | that the header has most of.
        quoted: Whether a value may stand in double quotes, and then hold delimiters and line ends.
    """

    path: Path
    delimiter: str = ""
    quoted: bool = True

    def columns(self) -> tuple[str, ...]:
        """The header."""
        return self._open(Report())[0]

    def chunks(self, columns: Sequence[str], report: Report, size: int) -> Iterator[Chunk]:
        """See :class:`~brmrs_graph.data.raw.tables.Table`."""
        header, rows = self._open(report)
        indices = {column: header.index(column) for column in columns if column in header}
        while numbered := list(islice(rows, size)):
            places = [place for place, _ in numbered]
            absent = [None] * len(places)
            values = {column: [row[index] for _, row in numbered] for column, index in indices.items()}
            yield Chunk(places, {column: values.get(column, absent) for column in columns})

    def _open(self, report: Report) -> tuple[tuple[str, ...], Iterator[tuple[int, list[str]]]]:
        """The header and the rows after it."""
        lines = read_lines(self.path, report)
        first = next((line for line in lines if not line[1].isspace()), None)
        if first is None:
            raise DataError(f"{self.path} is empty; it needs a header line that names its columns")
        delimiter = self.delimiter or max(_DELIMITERS, key=first[1].count)
        source = _Lines(lines, first)
        reader = csv.reader(
            source, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE, strict=True
        )
        try:
            header = tuple(name.strip() for name in next(reader))
        except csv.Error as error:
            raise DataError(f"{self.path}, line {first[0]}: the header cannot be read ({error}); mend it") from error
        source.accept()
        return header, self._rows(source, reader, len(header), report)

    def _rows(
        self, source: _Lines, reader: Iterator[list[str]], width: int, report: Report
    ) -> Iterator[tuple[int, list[str]]]:
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                report.skip(self.path, _UNMATCHED, source.retry())
                continue
            if len(row) == width:
                yield source.accept(), row
            elif not row or (len(row) == 1 and not row[0].strip()):
                source.accept()
            else:
                report.skip(self.path, f"not {width} values, as in the header", source.retry())


class _Lines:
    """Gives lines to a csv reader, and can go back to the second line of a record.

    A stray quote makes the reader take everything up to the next one for one value. Only the line with the stray quote
    is lost if the reader starts again on the line after it.
    """

    def __init__(self, lines: Iterator[tuple[int, str]], first: tuple[int, str]) -> None:
        self._lines = lines
        self._waiting = deque([first])
        self._record: list[tuple[int, str]] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else next(self._lines)
        self._record.append(line)
        return line[1]

    def accept(self) -> int:
        """Ends a record; returns the number of its first line."""
        place = self._record[0][0]
        self._record.clear()
        return place

    def retry(self) -> int:
        """Gives up the first line of a record, the others come again; returns its number."""
        place = self._record[0][0]
        self._waiting.extendleft(reversed(self._record[1:]))
        self._record.clear()
        return place
