"""Rows of separated values and where they are: by the line of the file, as an editor counts it, header and all."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from brmrs_graph.errors import DataError


def csv_rows(path: Path, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """The rows of a table, header first, with the line on which each begins, from 1; blank lines are passed over.

    Args:
        path: The file; a byte order mark, which spreadsheets write, is dropped.
        delimiter: What stands between values.

    Raises:
        DataError: If the file is not UTF-8, or its quotes do not match.
    """
    line = 1
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for row in reader:
                if row:
                    yield line, row
                line = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 ({error}). Save it with the encoding UTF-8.") from error
    except csv.Error as error:
        raise DataError(
            f"{path}, line {line}: not well-formed CSV ({error}). Inside a quoted value, write a double quote twice."
        ) from error


def place_of(path: Path, number: int, delimiter: str = ",") -> str:
    """Where the row of a table is that pandas has read: ``line 7``.

    Args:
        path: The file.
        number: Which row, from 0, without the header and blank lines.
        delimiter: What stands between values.

    Returns:
        The line on which it begins; where lines cannot be told, since quotes do not match, the number of the row.
    """
    try:
        rows = (line for line, row in csv_rows(path, delimiter) if len(row) > 1 or not row[0].isspace())
        for _ in range(number + 1):
            next(rows)
        return f"line {next(rows)}"
    except (DataError, StopIteration):
        return f"row {number + 1} below the header"
