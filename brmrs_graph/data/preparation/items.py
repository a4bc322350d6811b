"""The second stage: which items there are, and what the source says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from brmrs_graph.data.ids import LISTS, in_order
from brmrs_graph.data.raw import Report, Source
from brmrs_graph.data.raw.catalogue import named_pictures, picture_of
from brmrs_graph.errors import DataError
from brmrs_graph.files import write_bytes


@dataclass(frozen=True)
class ItemContent:
    """The items of a data set and what is known of them.

    Args:
        item_ids: Original ids in index order: by number if they are the numbers from 0, else in the order of the
            source's catalogue, after which come those that it does not know.
        fields: Text fields, in the order in which they are encoded.
        fields_left_out: Text fields that there are besides.
        texts: Items of which something is said.
        unknown: Items that the catalogue does not know.
        unseen: Items of the catalogue, or rows of the source's arrays, that have no interaction, kept or not.
        pictures: Item -> path in the source's folder, or address, of its picture.
    """

    item_ids: list[str]
    fields: list[str]
    fields_left_out: list[str]
    texts: int
    unknown: int
    unseen: int
    pictures: dict[str, str]


def collect_items(
    source: Source,
    seen: Sequence[str],
    folder: Path,
    report: Report,
    *,
    fields: Sequence[str] = (),
    unseen: bool = False,
    progress: bool = False,
) -> ItemContent:
    """Writes ``items.csv``; items that the source does not describe have empty fields.

    Args:
        source: The source.
        seen: Items with interactions.
        folder: The folder that is made.
        report: Where broken records are counted.
        fields: Text fields, in order (default: all).
        unseen: Whether to keep items of the catalogue, or rows of arrays, that have no interaction.
        progress: Whether to show a progress bar.

    Raises:
        DataError: If the source is broken, has no such field, or its catalogue knows none of the items.
    """
    there = [name for name in source.text_fields if name != "itemID"]
    if absent := [name for name in fields if name not in there]:
        raise DataError(
            f"{source.folder} has no text field {', '.join(absent)} (there are: {', '.join(there) or 'none'}); name "
            "some of these (--text-fields), or none to have all"
        )
    named = list(dict.fromkeys(fields)) or there
    wanted = set(seen)
    left_out = 0
    found: list[pd.DataFrame] = [pd.DataFrame(columns=["item", *named, "picture"], dtype="str")]
    for chunk in _shown(source.items(report), progress):
        known = chunk["item"].isin(wanted)
        left_out += int((~known).sum())
        found.append(chunk if unseen else chunk[known])
    # A field that only one of several tables has is missing elsewhere.
    catalogue = pd.concat(found, ignore_index=True).set_index("item").reindex(columns=[*named, "picture"])
    described = set(catalogue.index)
    unknown = [item for item in seen if item not in described]
    if source.catalogues and len(unknown) == len(wanted):
        tables = ", ".join(str(catalogue.table.path) for catalogue in source.catalogues)
        raise DataError(
            f"{tables}: none of the {len(unknown):,} items with interactions (the first is {unknown[0]!r}) is in "
            "there. Item ids are compared as text, so '7', '007' and '7.0' differ: use the same ids, or "
            "name another column or file (--columns.item NAME, --items FILE)"
        )
    unsold = [item for item in source.numbered(seen) if item not in wanted]
    left_out += len(unsold)
    unknown += unsold if unseen else []
    item_ids = in_order([*catalogue.index, *unknown])
    table = catalogue.reindex(item_ids).fillna("")
    images = named_pictures(source.folder) if unknown else {}
    table.loc[unknown, "picture"] = [picture_of(images, item, report) for item in unknown]
    text = table[named].to_csv(index_label="itemID", lineterminator="\n")
    write_bytes(folder / LISTS["itemID"], text.encode())
    return ItemContent(
        item_ids,
        named,
        [name for name in there if name not in named],
        int((table[named] != "").any(axis=1).sum()),
        len(unknown),
        left_out,
        {item: place for item, place in table["picture"].items() if place},
    )


def _shown(chunks: Iterator[pd.DataFrame], progress: bool) -> Iterator[pd.DataFrame]:
    with tqdm(desc="items", unit="", unit_scale=True, disable=not progress) as bar:
        for chunk in chunks:
            yield chunk
            bar.update(len(chunk))
