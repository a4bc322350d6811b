"""Reads a data set folder: interactions in MMRec's layout, features as arrays or made from texts and pictures.

::

    NAME/
      NAME.inter          tab separated, with header: userID, itemID and, where the split is given, x_label (0, 1, 2)
      *_feat.npy          one array per modality, row i = item i; a row of zeros means that the item lacks it. An
                          array of float32 stays in its file, from which rows are read when they are needed
      items.csv           itemID and any text columns; where it is there, it lists every item
      users.csv           userID; where it is there, it lists every user
      images/ITEMID.jpg   one picture per item

How users and items are numbered: :mod:`brmrs_graph.data.ids`.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from brmrs_graph.data.counted import counted
from brmrs_graph.data.csv_rows import place_of
from brmrs_graph.data.dataset import SPLITS, Encoding, MultimodalDataset, csr_from_pairs
from brmrs_graph.data.encoders import Encoded, encode_items, item_pictures, item_texts
from brmrs_graph.data.features import finite_rows
from brmrs_graph.data.ids import index_ids, read_list
from brmrs_graph.data.splits import split_labels
from brmrs_graph.errors import DataError

MODALITY_NAMES = {"image": "visual", "text": "textual", "audio": "acoustic"}
"""How MMRec's file names translate to modality names; other names are used as they are."""

SPLIT_SEED = 999
TAB = "\t"


def read_folder(
    folder: Path,
    *,
    name: str | None = None,
    features: bool = True,
    cache_dir: Path | None = None,
    text_encoder: str = "minilm",
    image_encoder: str = "efficientnet-lite0",
    progress: bool = False,
    synthetic: bool = False,
) -> MultimodalDataset:
    """Reads a data set folder; see the head of this file for its layout.

    Arrays come first; a modality without an array is encoded from ``items.csv`` (textual) or ``images/`` (visual).
    Without ``x_label`` the interactions are split at random by MMRec's per-user rule, with a fixed seed.

    Args:
        folder: The folder.
        name: Name of the data set (default: the folder's).
        features: Whether to read (and encode) item features; models without content do not need them.
        cache_dir: Where encoded vectors are kept, by content hash (default: nowhere).
        text_encoder: Encoder of texts, see :func:`~brmrs_graph.data.encoders.text_encoder`.
        image_encoder: Encoder of pictures, see :func:`~brmrs_graph.data.encoders.image_encoder`.
        progress: Whether to show a progress bar while encoding.
        synthetic: Whether the data are generated.

    Raises:
        DataError: If something is missing or wrong; the message names file, field and remedy.
    """
    name = name or folder.name
    path = folder / f"{name}.inter"
    table = read_table(path)
    for problem in interaction_problems(path, table):
        raise DataError(problem)
    catalogue = read_list(folder, "itemID")
    user_ids, users = index_ids(path, "userID", table["userID"], read_list(folder, "userID"))
    item_ids, items = index_ids(path, "itemID", table["itemID"], catalogue)
    notes: list[str] = []
    splits = _split(users, items, table, (len(user_ids), len(item_ids)), notes)
    named: dict[str, NDArray[np.float32]] = {}
    encoded: dict[str, Encoded] = {}
    if features:
        named.update(_read_arrays(folder, len(item_ids), "items.csv" if catalogue else path.name))
        absent = {"textual", "visual"} - set(named)
        if absent:
            encoded = encode_items(
                folder,
                item_ids,
                text_encoder=text_encoder,
                image_encoder=image_encoder,
                cache_dir=cache_dir,
                progress=progress,
                only=sorted(absent),
            )
            named.update({modality: found.vectors for modality, found in encoded.items()})
    order = [*MODALITY_NAMES.values(), *sorted(set(named) - set(MODALITY_NAMES.values()))]
    tensors = {
        key: torch.from_numpy(np.ascontiguousarray(named[key], dtype=np.float32)) for key in order if key in named
    }
    return MultimodalDataset(
        name,
        train=splits[0],
        valid=splits[1],
        test=splits[2],
        features=tensors,
        encodings={key: Encoding(tensors[key], found.made_from) for key, found in encoded.items() if found.made_from},
        user_ids=user_ids,
        item_ids=item_ids,
        texts=item_texts(folder, item_ids) if (folder / "items.csv").is_file() else None,
        pictures=item_pictures(folder, item_ids) if (folder / "images").is_dir() else None,
        synthetic=synthetic,
        notes=tuple(notes),
        looked_for=tuple(str(folder / file) for file in ("image_feat.npy", "text_feat.npy", "items.csv", "images/")),
    )


def read_table(path: Path) -> pd.DataFrame:
    """The interactions as they are written, all columns as strings.

    Raises:
        DataError: If the file is no table.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing; a data set folder holds its interactions in a file of that name")
    try:
        table = pd.read_csv(path, sep=TAB, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} cannot be read: {str(error).strip()}. It must be a tab-separated table in UTF-8 with a header line"
        ) from error
    return table


def interaction_problems(path: Path, table: pd.DataFrame) -> Iterator[str]:
    """What keeps a table of interactions from being used, one message for each thing."""
    for column in ("userID", "itemID"):
        if column not in table.columns:
            yield (
                f"{path}: the column {column} is missing (there are: {', '.join(table.columns)}); the file needs a "
                "header line with userID, itemID and, where the split is given, x_label, separated by tabs"
            )
            continue
        empty = table[column] == ""
        if empty.any():
            yield (
                f"{path}: no {column} in {place_of(path, int(empty.argmax()), TAB)} ({int(empty.sum()):,} in all); "
                "fill it in or delete the line"
            )
    if table.empty:
        yield f"{path} holds no interactions; write one userID and itemID a line"
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the first column for row names
        yield f"{path}: the lines have more fields than the header; name every column in the header"
    if "x_label" in table.columns:
        wrong = ~table["x_label"].isin(["0", "1", "2"])
        if wrong.any():
            yield (
                f"{path}: x_label '{table['x_label'][wrong].iloc[0]}' in {place_of(path, int(wrong.argmax()), TAB)} is "
                "none of 0 (train), 1 (valid), 2 (test); delete the column to have the interactions split at random"
            )


def _read_arrays(folder: Path, num_items: int, counted_in: str) -> dict[str, NDArray[np.float32]]:
    """Modality name -> array, from the files that end in ``_feat.npy``."""
    arrays: dict[str, NDArray[np.float32]] = {}
    for path in sorted(folder.glob("*_feat.npy")):
        modality = modality_of(path)
        if modality in arrays:
            raise DataError(f"{path}: another file holds the modality {modality} already; keep one of the two")
        arrays[modality] = read_array(path, num_items, counted_in)
    return arrays


def modality_of(path: Path) -> str:
    """The modality that a feature array holds, by its name."""
    stem = path.name.removesuffix("_feat.npy")
    return MODALITY_NAMES.get(stem, stem)


def read_array(path: Path, num_items: int | None = None, counted_in: str = "") -> NDArray[np.float32]:
    """A feature array, mapped from its file where that holds float32 in C order; others are made so in memory.

    Nothing that is written to the array gets into the file. A file that is mapped must not be overwritten, but may be
    replaced by another one of its name.

    Args:
        path: The file.
        num_items: Rows that it must have (default: any number).
        counted_in: The file from which that number is known, for the message.

    Raises:
        DataError: If it cannot be read, has another number of rows, or holds values that are not finite.
    """
    try:
        x = _mapped(path)
    except Exception as error:  # a damaged header makes numpy raise anything from a TypeError to a MemoryError
        raise DataError(f"{path} cannot be read as a NumPy array: {error}. Write it again with numpy.save") from error
    if x.ndim != 2 or x.size == 0 or x.dtype.kind not in "fiu":
        raise DataError(
            f"{path}: expected real numbers of shape [items, dimensions], found {x.dtype} of shape {x.shape}; write it "
            "again with row i for item i"
        )
    with np.errstate(over="ignore"):
        x = np.ascontiguousarray(x, dtype=np.float32)
    finite = finite_rows(torch.from_numpy(x)).numpy()
    if not finite.all():
        raise DataError(
            f"{path}: {counted(int((~finite).sum()), 'row holds', 'rows hold')} NaN or infinite values (the first is "
            f"row {int(finite.argmin())}, counted from 0); write zeros where an item lacks the modality"
        )
    if num_items is not None and len(x) != num_items:
        raise DataError(
            f"{path}: {counted(len(x), 'row')}, but {counted(num_items, 'item')} (counted in {counted_in}); give one "
            "row per item, in the order of itemID. To have items without interactions, list all items in items.csv"
        )
    return x


def _mapped(path: Path) -> NDArray[Any]:
    """An array in its file; reading it needs no memory, and what is written to it does not get there."""
    try:
        return np.lib.format.open_memmap(path, mode="c")
    except OSError as error:
        if error.errno != errno.ENOMEM:
            raise
        # Linux refuses what could not be in memory if all of it were written to. torch says that it must not be.
        return np.lib.format.open_memmap(path, mode="r")


def _split(
    users: NDArray[np.int64],
    items: NDArray[np.int64],
    table: pd.DataFrame,
    shape: tuple[int, int],
    notes: list[str],
) -> list[Any]:
    if "x_label" in table.columns:
        labels = table["x_label"].astype(np.int8).to_numpy()
    else:
        labels = split_labels(users, np.random.default_rng(SPLIT_SEED))
        notes.append(f"no x_label column: split per user at random (8:1:1, seed {SPLIT_SEED})")
    # Of a repeated pair the one in the earliest split stays, so that no held-out pair is also a training pair.
    order = np.lexsort((labels, items, users))
    users, items, labels = users[order], items[order], labels[order]
    first = np.ones(len(users), dtype=bool)
    first[1:] = (users[1:] != users[:-1]) | (items[1:] != items[:-1])
    if not first.all():
        repeated = counted(int((~first).sum()), "repeated user-item pair")
        notes.append(f"{repeated} left out (the earliest split keeps the pair)")
    users, items, labels = users[first], items[first], labels[first]
    trained = np.bincount(users[labels == 0], minlength=shape[0]) > 0
    idle = int((~trained & (np.bincount(users, minlength=shape[0]) > 0)).sum())
    if idle:
        users_without = counted(idle, "user has", "users have")
        notes.append(f"{users_without} no training interaction, and held-out ones that are not evaluated")
    keep = trained[users]
    users, items, labels = users[keep], items[keep], labels[keep]
    return [csr_from_pairs(users[labels == i], items[labels == i], shape) for i in range(len(SPLITS))]
