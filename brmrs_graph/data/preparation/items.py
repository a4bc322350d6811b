"""The second stage: what the source says and shows of the items that are left."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from brmrs_graph.data.encoders.items import picture_name
from brmrs_graph.data.raw import Report, Source
from brmrs_graph.files import write_bytes


@dataclass(frozen=True)
class ItemContent:
    """What was found of the items.

    Args:
        texts: Items of which something is said.
        pictures: Items with a picture in ``images/``.
        addresses: Item -> address of its picture, for items whose picture has yet to be fetched.
    """

    texts: int
    pictures: int
    addresses: dict[str, str]


def write_items(source: Source, item_ids: Sequence[str], folder: Path, report: Report) -> ItemContent:
    """Writes ``items.csv`` and copies pictures to ``images/``, for some items of a source.

    Rows stand in the order of ``item_ids``; items that the source does not describe have empty fields. Pictures that
    were copied before are not copied again.

    Args:
        source: The source.
        item_ids: The items.
        folder: The folder that is made.
        report: Where broken records are counted.

    Raises:
        DataError: If the source is broken.
    """
    wanted = set(item_ids)
    found = [chunk[chunk["item"].isin(wanted)] for chunk in source.items(report)]
    fields = [name for name in source.text_fields if name != "itemID"]
    known = pd.concat(found).set_index("item") if found else pd.DataFrame()
    # A field that only one of several tables has is missing elsewhere.
    table = known.reindex(index=list(item_ids), columns=[*fields, "picture"]).fillna("")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["itemID", *fields])
    writer.writerows([item, *row] for item, row in zip(item_ids, table[fields].itertuples(index=False), strict=True))
    write_bytes(folder / "items.csv", text.getvalue().encode())
    addresses: dict[str, str] = {}
    pictures = 0
    for item, place in table["picture"].items():
        if place.startswith(("http://", "https://")):
            addresses[str(item)] = place
        elif place:
            _copy(source.folder / place, folder / "images" / f"{picture_name(str(item))}{Path(place).suffix.lower()}")
            pictures += 1
    return ItemContent(int((table[fields] != "").any(axis=1).sum()), pictures, addresses)


def _copy(picture: Path, target: Path) -> None:
    if target.is_file() and target.stat().st_size == picture.stat().st_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.part")
    shutil.copyfile(picture, aside)
    aside.replace(target)
