"""Which files are tables, by the ends of their names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from brmrs_graph.data.raw.doublecolon import DoubleColon
from brmrs_graph.data.raw.lines import DamagedError
from brmrs_graph.data.raw.parquet import Parquet
from brmrs_graph.data.raw.separated import Separated
from brmrs_graph.data.raw.tables import JsonLines, Table
from brmrs_graph.errors import DataError

_JSON = {".json", ".jsonl", ".ndjson"}
_SEPARATED = {".csv": "", ".tsv": "\t", ".txt": "\t"}
_ATOMIC = {".inter", ".item"}  # RecBole's and MMRec's; titles may begin with a quote there
_DOUBLE_COLON = {".dat"}
_PARQUET = {".parquet", ".pq"}
_SUFFIXES = {*_JSON, *_SEPARATED, *_ATOMIC, *_DOUBLE_COLON, *_PARQUET}


def open_table(path: Path) -> Table:
    """The table in a file; nothing is read yet.

    Raises:
        DataError: If the name of the file does not say what it is.
    """
    suffix = _suffix(path)
    if suffix in _JSON:
        return JsonLines(path)
    if suffix in _SEPARATED:
        return Separated(path, _SEPARATED[suffix])
    if suffix in _ATOMIC:
        return Separated(path, "\t", quoted=False)
    if suffix in _DOUBLE_COLON:
        return DoubleColon(path)
    if suffix in _PARQUET:
        return Parquet(path)
    raise DataError(f"{path} is no table: its name must end in {', '.join(sorted(_SUFFIXES))}, with .gz where gzipped")


def _suffix(path: Path) -> str:
    """The end of a file name, lower case, before ``.gz``."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


@dataclass(frozen=True)
class Survey:
    """The tables that lie in a folder itself, and their columns.

    Attributes:
        folder: The folder.
        tables: Tables with their columns, by file name.
        problems: What looks like a table by its name only, and why it is none.
    """

    folder: Path
    tables: tuple[tuple[Table, tuple[str, ...]], ...]
    problems: tuple[str, ...]

    @classmethod
    def of(cls, folder: Path) -> Survey:
        """Looks at the head of every table in a folder; hidden files are none.

        Raises:
            DataError: If it is no folder, cannot be listed, or holds a table that is cut off or damaged.
        """
        try:
            files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        except OSError as error:
            raise DataError(f"{folder} cannot be listed ({error}); give the folder that holds the raw files") from error
        tables, problems = [], []
        for path in files:
            if _suffix(path) not in _SUFFIXES:
                continue
            try:
                table = open_table(path)
                tables.append((table, table.columns()))
            except DamagedError:
                raise
            except DataError as error:
                problems.append(str(error))
        return cls(folder, tuple(tables), tuple(problems))

    def having(self, *columns: str, without: Collection[str] = ()) -> list[Table]:
        """Tables with all of some columns and none of some others."""
        return [table for table, there in self.tables if set(columns) <= set(there) and set(there).isdisjoint(without)]

    def columns(self, table: Table) -> tuple[str, ...]:
        """The columns of one of the tables."""
        return next(columns for other, columns in self.tables if other.path == table.path)


def the_one(files: Sequence[Path], name: str, what: str, option: str = "") -> Path | None:
    """The only file, or the only one with the data set's name in its own; None if there is none.

    Args:
        files: The files that could be meant.
        name: Name of the data set.
        what: What the file holds, for the message.
        option: How the file is named on the command line (default: it cannot be).

    Raises:
        DataError: If several are left.
    """
    named = [path for path in files if name and name.lower() in path.name.lower()] or list(files)
    if len(named) > 1:
        remedy = f"Name it ({option}), give" if option else "Give"
        raise DataError(
            f"which file holds the {what}: {', '.join(str(path) for path in named)}? {remedy} a data set name that is "
            "part of one file name only (--dataset), or move the others away"
        )
    return named[0] if named else None


def table_of(survey: Survey, tables: Sequence[Table], name: str, what: str) -> Table | None:
    """The same for tables of a survey."""
    path = the_one([table.path for table in tables], name, what)
    return next((table for table, _ in survey.tables if table.path == path), None)
