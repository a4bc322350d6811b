"""Tables in Parquet files, read batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brmrs_graph.data.raw.lines import DamagedError
from brmrs_graph.data.raw.report import Report
from brmrs_graph.data.raw.tables import Chunk
from brmrs_graph.errors import DataError

_BATCH = 16_384


@dataclass(frozen=True)
class Parquet:
    """A Parquet file; needs pyarrow.

    Attributes:
        path: The file.
    """

    path: Path

    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        with _readable(self.path), self._open() as file:
            return tuple(file.schema_arrow.names)

    def chunks(self, columns: Sequence[str], report: Report, size: int) -> Iterator[Chunk]:
        """See :class:`~brmrs_graph.data.raw.tables.Table`; chunks are batches of the file, which may be smaller."""
        with _readable(self.path), self._open() as file:
            there = [column for column in columns if column in file.schema_arrow.names]
            place = 0
            for batch in file.iter_batches(min(size, _BATCH), columns=there, use_threads=False):
                places = list(range(place + 1, place + 1 + len(batch)))
                place += len(batch)
                values = {column: batch.column(column).to_pylist() for column in there}
                absent = [None] * len(places)
                yield Chunk(places, {column: values.get(column, absent) for column in columns})

    def _open(self) -> Any:
        try:
            import pyarrow.parquet
        except ImportError as error:
            raise DataError(f"{self.path} is a Parquet file; `pip install pyarrow` to read it") from error
        return pyarrow.parquet.ParquetFile(self.path, memory_map=False, pre_buffer=False)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns whatever a damaged file makes pyarrow raise into a DataError; there is no common class for it."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise DamagedError(f"{path} cannot be read as Parquet ({error}); fetch or write it again") from error
