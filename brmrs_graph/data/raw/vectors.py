"""Feature vectors that a source brings along, streamed: Amazon's image features and NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from brmrs_graph.data.counted import counted
from brmrs_graph.data.raw.lines import UNREADABLE, open_bytes, unreadable
from brmrs_graph.data.raw.report import Report
from brmrs_graph.errors import DataError

_BLOCK = 256  # vectors in memory at once
_ASIN = 10


class Vectors(Protocol):
    """A file of item vectors."""

    @property
    def path(self) -> Path:
        """The file."""

    def read(self, wanted: Collection[str], report: Report) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        """Item ids and their vectors, shape [len(ids), dim], block by block; only wanted items, each at most once."""


@dataclass(frozen=True)
class ImageFeatures:
    """Amazon's ``image_features_X.b``: for each item 10 bytes of ASIN and little-endian 32-bit floats.

    Attributes:
        path: The file, plain or gzipped.
        dim: Numbers in each vector.
    """

    path: Path
    dim: int = 4096

    def read(self, wanted: Collection[str], report: Report) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        """See :class:`Vectors`.

        Raises:
            DataError: If the file does not consist of whole records, or most of them are broken.
        """
        record = np.dtype([("item", f"S{_ASIN}"), ("vector", "<f4", (self.dim,))])
        left = set(wanted)
        place = 0
        try:
            with open_bytes(self.path) as file:
                while content := file.read(_BLOCK * record.itemsize):
                    if len(content) % record.itemsize:
                        raise DataError(
                            f"{self.path} is cut off, or its vectors are not of {self.dim} numbers: "
                            f"{len(content) % record.itemsize:,} bytes are left after "
                            f"{place + len(content) // record.itemsize:,} records of {record.itemsize:,} bytes; fetch "
                            "it again"
                        )
                    block = np.frombuffer(content, dtype=record)
                    items, rows = self._rows(block["item"].tolist(), block["vector"], left, place, report)
                    place += len(block)
                    if items:
                        yield items, block["vector"][rows].astype(np.float32)
        except UNREADABLE as error:
            raise unreadable(self.path, place, error, "record") from error
        report.finish(self.path)

    def _rows(
        self, names: list[bytes], vectors: NDArray[np.float32], left: set[str], place: int, report: Report
    ) -> tuple[list[str], list[int]]:
        """The wanted ones of a block; what is taken is no longer left."""
        items, rows = [], []
        for row, name in enumerate(names):
            if len(name) != _ASIN or not name.isalnum():
                report.skip(self.path, "without an ASIN", place + row + 1)
                continue
            report.keep(self.path, 1)
            item = name.decode()
            if item not in left:
                continue
            if not np.isfinite(vectors[row]).all():
                report.note(self.path, "NaN or infinite values; the item has no vector", place + row + 1)
                continue
            left.discard(item)
            items.append(item)
            rows.append(row)
        return items, rows


@dataclass(frozen=True)
class ArrayRows:
    """A NumPy array, one row an item, as in MMRec's folders.

    Attributes:
        path: The ``.npy`` file.
        order: Gives the items in the order of the rows. Without it numbers are row numbers, and names are sorted.
    """

    path: Path
    order: Callable[[], list[str]] | None = None

    def count(self) -> int:
        """Number of rows.

        Raises:
            DataError: If the file is no array of real numbers.
        """
        return len(self._open())

    def read(self, wanted: Collection[str], report: Report) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        """See :class:`Vectors`; a row of zeros means that the item has no vector, and does not come.

        Raises:
            DataError: If the file is no array of real numbers, or its rows are not those of the items.
        """
        array = self._open()
        items = self._items(wanted, len(array))
        if len(items) != len(array):
            raise DataError(
                f"{self.path} has {counted(len(array), 'row')} for {counted(len(items), 'item')}; give one row per "
                "item, and list them all in items.csv"
            )
        beyond = sorted(set(wanted) - set(items))
        if beyond:
            raise DataError(
                f"{self.path} has {counted(len(array), 'row')}, and none for item {beyond[0]!r} (one of {len(beyond):,}"
                "); give one row per item, in the order of the ids, which are numbers from 0"
            )
        asked = set(wanted)
        for start in range(0, len(array), _BLOCK):
            with np.errstate(over="ignore"):
                block = np.array(array[start : start + _BLOCK], dtype=np.float32)
            finite = np.isfinite(block).all(axis=1)
            for row in np.flatnonzero(~finite):
                report.note(self.path, "NaN or infinite values; the item has no vector", start + int(row))
            rows = [int(row) for row in np.flatnonzero(finite & block.any(axis=1)) if items[start + row] in asked]
            if rows:
                yield [items[start + row] for row in rows], block[rows]

    def _items(self, wanted: Collection[str], rows: int) -> list[str]:
        """The items in the order of the rows."""
        if self.order:
            return self.order()
        numbered = all(item.isascii() and item.isdigit() for item in wanted)
        return [str(row) for row in range(rows)] if numbered else sorted(wanted)

    def _open(self) -> NDArray[Any]:
        try:
            array: NDArray[Any] = np.lib.format.open_memmap(self.path, mode="r")
        except Exception as error:  # NumPy's parser of headers has many ways to fail
            raise DataError(
                f"{self.path} cannot be read as a NumPy array: {error}. Write it with numpy.save"
            ) from error
        if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "fiu":
            raise DataError(
                f"{self.path}: expected real numbers of shape [items, dimensions], found {array.dtype} of shape "
                f"{array.shape}; write it again with row i for item i"
            )
        return array
