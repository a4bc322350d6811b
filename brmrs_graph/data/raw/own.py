"""A user's own tables: one of interactions and, if there is one, one of items; CSV, TSV, JSON lines or Parquet.

Columns are given, or guessed from their names. Pictures are in a column of paths or addresses, or in ``images/``, named
by item.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median_low

from brmrs_graph.data.raw.catalogue import Catalogue, text_fields
from brmrs_graph.data.raw.columns import Columns, guess
from brmrs_graph.data.raw.formats import Survey, open_table, the_one
from brmrs_graph.data.raw.pairs import LABEL, VALUES, Pairs
from brmrs_graph.data.raw.report import Report
from brmrs_graph.data.raw.source import Source
from brmrs_graph.data.raw.tables import Table
from brmrs_graph.data.raw.values import as_time
from brmrs_graph.errors import DataError

NAME = "own"
_HEAD = 100  # records looked at to find out the unit of times
_FUTURE = 1e11  # seconds: the year 5138; in milliseconds 1973


def recognise(survey: Survey, name: str, given: Columns) -> Source | None:
    """The tables in a folder, told apart by their columns; None if none holds interactions."""
    roles = [(table, _roles(columns, given)) for table, columns in survey.tables]
    sold = [table.path for table, role in roles if role["user"] and role["item"]]
    described = [table.path for table, role in roles if role["item"] and not role["user"]]
    pairs = the_one(sold, name, "interactions", "--interactions FILE")
    items = the_one(described, name, "items", "--interactions FILE --items FILE")
    return from_files(survey.folder, pairs, items, given) if pairs else None


def from_files(folder: Path, interactions: Path, items: Path | None, given: Columns) -> Source:
    """The tables in two files.

    Args:
        folder: Where picture paths begin, and ``images/`` may be.
        interactions: File of interactions.
        items: File of items, if there is one.
        given: Columns that need no guessing.

    Raises:
        DataError: If a column is not there, or cannot be guessed.
    """
    for option, path in (("--interactions", interactions), ("--items", items)):
        if path is not None and not path.is_file():
            raise DataError(f"{path} is no file; give the path of your table as {option} FILE")
    table = open_table(interactions)
    pairs, said = _pairs(table, table.columns(), given)
    remarks = [said]
    catalogues: tuple[Catalogue, ...] = ()
    if items is not None:
        table = open_table(items)
        catalogue, said = _catalogue(folder, table, table.columns(), given)
        catalogues = (catalogue,)
        remarks.append(said)
    return Source(NAME, folder, (pairs,), catalogues, remarks=tuple(remarks))


def _roles(columns: Sequence[str], given: Columns) -> dict[str, str]:
    """The column of each role: the given one if it is there, else a guess."""
    named = {"user": given.user, "item": given.item, "rating": given.rating, "timestamp": given.timestamp}
    named["picture"] = given.picture
    # Nothing is given as an empty name, which a column may have: pandas writes the index of a table so.
    return {role: name if name and name in columns else guess(role, columns) for role, name in named.items()}


def _pairs(table: Table, columns: Sequence[str], given: Columns) -> tuple[Pairs, str]:
    for role in ("user", "item", "rating", "timestamp"):
        name = getattr(given, role)
        if name and name not in columns:
            raise _absent(table, name, role, columns)
    roles = _roles(columns, given)
    for role in ("user", "item"):
        if not roles[role]:
            raise DataError(
                f"{table.path}: which column holds the {role}? There are: {', '.join(columns)}. Name it "
                f"(--columns.{role} NAME), or another file (--interactions FILE)"
            )
    label = LABEL if LABEL in columns else ""
    unit = _unit(table, roles["timestamp"]) if roles["timestamp"] else 1.0
    guessed = tuple(role for role in VALUES if not getattr(given, role))
    pairs = Pairs(
        table, roles["user"], roles["item"], roles["rating"], roles["timestamp"], unit, label, guessed=guessed
    )
    used = [f"{role} = {roles[role]}" for role in ("user", "item", "rating", "timestamp") if roles[role]]
    used[-1] += " in milliseconds" if unit < 1 else ""
    return pairs, f"{table.path.name} read as interactions with {', '.join(used)}"


def _absent(table: Table, name: str, role: str, columns: Sequence[str]) -> DataError:
    return DataError(
        f"{table.path} has no column {name!r} for the {role}; give one of these as --columns.{role}: "
        f"{', '.join(columns)}"
    )


def _unit(table: Table, column: str) -> float:
    """Seconds of one unit of the times of a table, by those at its head."""
    values = next((chunk.columns[column] for chunk in table.chunks([column], Report(), _HEAD)), [])
    times = [time for value in values if (time := as_time(value, 1.0)) is not None and math.isfinite(time)]
    return 0.001 if times and median_low(times) > _FUTURE else 1.0


def _catalogue(folder: Path, table: Table, columns: Sequence[str], given: Columns) -> tuple[Catalogue, str]:
    if given.picture and given.picture not in columns:
        raise _absent(table, given.picture, "picture", columns)
    roles = _roles(columns, given)
    item, picture = roles["item"], roles["picture"]
    if not item:
        raise DataError(
            f"{table.path}: which column holds the item? There are: {', '.join(columns)}. Call it as in the "
            "interactions (--columns.item NAME) or item_id in the first line of the file, or name another file "
            "(--items FILE)"
        )
    names = [name for name in dict.fromkeys(columns) if name and name not in {item, picture}]
    catalogue = Catalogue(table, item, folder, text_fields(names), (picture,) if picture else ())
    used = f"item = {item}, picture = {picture or 'images/'}"
    return catalogue, f"{table.path.name} read as items with {used}"
