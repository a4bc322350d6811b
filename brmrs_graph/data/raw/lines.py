"""Lines of a plain or gzipped text file, numbered, one in memory at a time."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from brmrs_graph.data.raw.report import Report
from brmrs_graph.errors import DataError

MAX_LINE = 16 * 2**20
"""Longest line read, in bytes; what has no line ends is no table, and must not fill the memory."""

_GZIP = b"\x1f\x8b"
UNREADABLE = (OSError, EOFError, zlib.error)
"""What reading a file that is missing, cut off or damaged raises."""


class DamagedError(DataError):
    """A file that is cut off or damaged; whatever it is, nobody meant it to be so."""


def open_bytes(path: Path) -> BinaryIO:
    """Opens a file, unpacking it on the way if its first bytes say that it is gzipped, whatever its name.

    Raises:
        OSError: If it cannot be opened.
    """
    file = path.open("rb")
    if file.peek(2)[:2] != _GZIP:
        return file
    # GzipFile.readline is slow; the buffer around it finds line ends in C.
    return io.BufferedReader(gzip.GzipFile(fileobj=file), 2**18)


def unreadable(path: Path, line: int, error: Exception, unit: str = "line") -> DamagedError:
    """The error for a file that cannot be read on after a line, or a record."""
    what = "is cut off" if isinstance(error, EOFError) else "cannot be read"
    after = f" after {unit} {line:,}" if line else ""
    return DamagedError(f"{path} {what}{after} ({error}); fetch the file again")


def read_lines(path: Path, report: Report, otherwise: str = "") -> Iterator[tuple[int, str]]:
    """Lines with their numbers, from 1; those that are too long or not UTF-8 are reported and left out.

    A byte order mark is dropped; line ends stay.

    Args:
        path: The file, plain or gzipped.
        report: Where lines that are left out are counted.
        otherwise: Encoding of lines that are not UTF-8 (default: they are left out).

    Raises:
        DataError: If the file cannot be read to its end, or is UTF-16.
    """
    number = 0
    try:
        with open_bytes(path) as file:
            while raw := file.readline(MAX_LINE):
                number += 1
                if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
                    while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                        pass
                    report.skip(path, f"longer than {MAX_LINE // 2**20} MiB", number)
                    continue
                if number == 1:
                    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                        raise DataError(f"{path} is UTF-16; save it as UTF-8")
                    raw = raw.removeprefix(codecs.BOM_UTF8)
                try:
                    line = raw.decode()
                except UnicodeDecodeError:
                    if not otherwise:
                        report.skip(path, "not UTF-8", number)
                        continue
                    line = raw.decode(otherwise)
                yield number, line
    except UNREADABLE as error:
        raise unreadable(path, number, error) from error
