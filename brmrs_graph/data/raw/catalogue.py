"""Items of one table: their texts, and where their pictures are."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from brmrs_graph.data.encoders.items import PICTURE_SUFFIXES, picture_name
from brmrs_graph.data.raw.report import Report
from brmrs_graph.data.raw.tables import Table
from brmrs_graph.data.raw.values import as_id, as_picture, as_text

MAX_ROWS = 20_000
"""Items in a chunk; their descriptions may be long."""

MAX_TEXT = csv.field_size_limit() - 1
"""Most characters of a text: items.csv holds it, and a longer one would be refused when it is read back."""

_TAKEN = ("item", "itemID", "picture")  # columns of the stream of items, and of items.csv

IMAGES = Path("images")
"""Where pictures lie that are named by item, and the name under which a report counts what is wrong with them."""

PROSE = frozenset({"description"})
"""Fields of sentences, which are joined by a space; parts of others are names, joined by ``|`` as in items.csv."""


@dataclass(frozen=True)
class Catalogue:
    """A table of items, and which of its columns hold what.

    Attributes:
        table: The table.
        item: Column of item ids.
        folder: The source's folder; pictures outside it are left out.
        texts: Name of each text field -> the column that holds it.
        pictures: Columns of picture paths or addresses, the preferred one first. With none, pictures are looked for
            in ``images/``, in files named by item.
    """

    table: Table
    item: str
    folder: Path
    texts: Mapping[str, str] = field(default_factory=dict)
    pictures: tuple[str, ...] = ()

    def read(self, report: Report, size: int, seen: set[str]) -> Iterator[pd.DataFrame]:
        """See :meth:`~brmrs_graph.data.raw.Source.items`; ``seen`` holds the items read before, and is added to."""
        columns = list(dict.fromkeys((self.item, *self.texts.values(), *self.pictures)))
        named = {} if self.pictures else named_pictures(self.folder)
        root = self.folder.resolve()
        path = self.table.path
        for places, values in self.table.chunks(columns, report, min(size, MAX_ROWS)):
            rows: dict[int, str] = {}
            for row, value in enumerate(values[self.item]):
                item = as_id(value)
                if not item:
                    report.skip(path, "without an item id", places[row])
                    continue
                report.keep(path, 1)
                if item in seen:
                    report.note(path, "an item that was there before; the first one stays", places[row])
                    continue
                seen.add(item)
                rows[row] = item
            frame = {"item": pd.Series(list(rows.values()), dtype="str")}
            for name, column in self.texts.items():
                separator = " " if name in PROSE else "|"
                texts = [as_text(values[column][row], separator) for row in rows]
                for row, text in zip(rows, texts, strict=True):
                    if len(text) > MAX_TEXT:
                        report.note(path, f"a text cut after {MAX_TEXT:,} characters", places[row])
                frame[name] = pd.Series([text[:MAX_TEXT] for text in texts], dtype="str")
            pictures = [
                self._picture(
                    [values[column][row] for column in self.pictures] or [picture_of(named, item, report)], root
                )
                for row, item in rows.items()
            ]
            for row, (_, fault) in zip(rows, pictures, strict=True):
                if fault:
                    report.note(path, fault, places[row])
            frame["picture"] = pd.Series([picture for picture, _ in pictures], dtype="str")
            if rows:
                yield pd.DataFrame(frame)
        report.finish(path)

    @staticmethod
    def _picture(values: list[Any], root: Path) -> tuple[str, str]:
        """A picture's address or path, and what is wrong with it; either may be empty."""
        place = next((place for value in values if (place := as_picture(value))), "")
        if not place:
            return "", ""
        if not place.isprintable():
            return "", "a picture whose name cannot be printed"
        if place.lower().startswith(("http://", "https://")):
            # Amazon's metadata of 2014 names a grey square where there is no picture.
            return ("", "a placeholder instead of a picture") if "/no-img" in place else (place, "")
        if "://" in place:
            return "", "a picture address that is not http(s)"
        try:
            file = (root / place).resolve()
            if not file.is_relative_to(root):
                return "", "a picture outside the folder"
            if not file.is_file():
                return "", "a picture that is not there"
        except (OSError, ValueError, RuntimeError):  # too long a name, a loop of links
            return "", "a picture that is not there"
        return file.relative_to(root).as_posix(), ""


def text_fields(columns: Iterable[str], *, typed: bool = False) -> dict[str, str]:
    """Name of each text field -> its column, which may be called like what the stream of items holds besides.

    Args:
        columns: Columns of texts; those without a name are left out.
        typed: Whether their names end in a type, as RecBole's ``title:token_seq``, which is left out.
    """
    fields: dict[str, str] = {}
    for column in columns:
        name = column.split(":")[0] if typed else column
        while name in _TAKEN or (name in fields and fields[name] != column):
            name += "_text"
        if name:
            fields[name] = column
    return fields


def named_pictures(folder: Path) -> dict[str, list[str]]:
    """Name without suffix -> paths of the pictures in ``images/`` or a folder in there, but for links out of it.

    The preferred kind comes first, and of one kind the first by its path.
    """
    root = folder.resolve()
    files = sorted(path for path in (folder / IMAGES).rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    named: dict[str, list[str]] = {}
    for path in sorted(files, key=lambda path: PICTURE_SUFFIXES.index(path.suffix.lower())):
        if path.resolve().is_relative_to(root):
            named.setdefault(path.stem, []).append(path.relative_to(folder).as_posix())
    return named


def picture_of(named: Mapping[str, list[str]], item: str, report: Report) -> str:
    """An item's picture among those that :func:`named_pictures` found; no id ever becomes a path. Empty: none."""
    places = named.get(picture_name(item)) or named.get(item) or [""]
    if len({Path(place).parent for place in places}) > 1:
        reason = "a picture whose name is in several folders; the first by its kind and path is taken"
        report.note(IMAGES, reason, item)
    return places[0]
