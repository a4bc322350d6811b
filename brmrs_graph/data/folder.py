"""Reads a data set folder: interactions in MMRec's layout, features as arrays or made from texts and pictures.

::

    NAME/
      NAME.inter          tab separated, with header: userID, itemID and, where the split is given, x_label (0, 1, 2)
      *_feat.npy          one array per modality, row i = item i; a row of zeros means that the item lacks it
      items.csv           itemID and any text columns
      images/ITEMID.jpg   one picture per item
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from brmrs_graph.data.dataset import SPLITS, MultimodalDataset, csr_from_pairs
from brmrs_graph.data.encoders import encode_items, item_pictures, item_texts
from brmrs_graph.data.splits import split_labels
from brmrs_graph.errors import DataError

MODALITY_NAMES = {"image": "visual", "text": "textual", "audio": "acoustic"}
"""How MMRec's file names translate to modality names; other names are used as they are."""

SPLIT_SEED = 999


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
    if not path.is_file():
        raise DataError(f"{path} is missing: a data set folder holds its interactions as {name}.inter")
    table = _read_interactions(path)
    catalogue = _catalogue(folder)
    numbered = set(catalogue) == set(map(str, range(len(catalogue))))
    arrays = _read_arrays(folder) if features else {}
    user_ids, users = _index_ids(path, "userID", table["userID"])
    if numbered:
        item_ids, items = _index_ids(path, "itemID", table["itemID"])
    else:
        item_ids, items = catalogue, _index_items(path, table["itemID"], catalogue)
    num_items = max([len(item_ids), len(catalogue), *(x.shape[0] for x in arrays.values())])
    for file, x in arrays.items():
        if x.shape[0] != num_items or x.shape[0] < len(item_ids):
            raise DataError(
                f"{folder / file}: {x.shape[0]:,} rows, but there are {num_items:,} items (largest itemID in "
                f"{path.name}: {int(items.max()):,}); give one row per item, in the order of itemID"
            )
    item_ids = [*item_ids, *map(str, range(len(item_ids), num_items))]
    notes: list[str] = []
    splits = _split(path, users, items, table, (len(user_ids), num_items), notes)
    named = {_modality(file): x for file, x in arrays.items()}
    if features:
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
            named.update(encoded)
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
        missing={key: ~x.any(dim=1) for key, x in tensors.items()},
        user_ids=user_ids,
        item_ids=item_ids,
        texts=item_texts(folder, item_ids) if (folder / "items.csv").is_file() else None,
        pictures=item_pictures(folder, item_ids) if (folder / "images").is_dir() else None,
        synthetic=synthetic,
        notes=tuple(notes),
        looked_for=tuple(str(folder / file) for file in ("image_feat.npy", "text_feat.npy", "items.csv", "images/")),
    )


def _read_interactions(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a tab-separated table: {error}") from error
    for column in ("userID", "itemID"):
        if column not in table.columns:
            raise DataError(
                f"{path}: the column {column} is missing (there are: {', '.join(table.columns)}); the file needs a "
                "header line with userID, itemID and, where the split is given, x_label, separated by tabs"
            )
        empty = int((table[column] == "").sum())
        if empty:
            raise DataError(f"{path}: {empty:,} lines have no {column}; fill it in or delete these lines")
    if table.empty:
        raise DataError(f"{path} holds no interactions")
    return table


def _catalogue(folder: Path) -> list[str]:
    """The ids of items.csv, line by line; none where there is no such file."""
    path = folder / "items.csv"
    if not path.is_file():
        return []
    try:
        column = pd.read_csv(path, dtype=str, keep_default_na=False, usecols=["itemID"])["itemID"]
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{path} needs a column itemID, separated by commas: {error}") from error
    return [str(item) for item in column]


def _index_ids(path: Path, column: str, values: pd.Series) -> tuple[list[str], NDArray[np.int64]]:
    """Original ids in index order, and the index of every value: integers are their own index, names sort."""
    if not values.str.fullmatch(r"-?(0|[1-9]\d*)").all():
        ids = sorted(set(values))
        return ids, np.searchsorted(np.array(ids), values.to_numpy(dtype=str)).astype(np.int64)
    index = values.astype(np.int64).to_numpy()
    if index.min() < 0:
        raise DataError(f"{path}: {column} {index.min()} is negative; ids are numbered from 0")
    if index.max() > 20 * len(values) + 1000:
        raise DataError(
            f"{path}: {column} {index.max():,} is out of range for {len(values):,} interactions; number the ids from 0 "
            "without large gaps, or write them as names"
        )
    return [str(i) for i in range(int(index.max()) + 1)], index


def _index_items(path: Path, values: pd.Series, order: list[str]) -> NDArray[np.int64]:
    """The line of items.csv of every itemID."""
    index = pd.Series(np.arange(len(order)), index=order).reindex(values).to_numpy()
    unknown = values[np.isnan(index)]
    if len(unknown):
        raise DataError(
            f"{path}: itemID '{unknown.iloc[0]}' (one of {unknown.nunique():,}) is not in items.csv; add it there, "
            "or delete its interactions"
        )
    return index.astype(np.int64)


def _modality(file: str) -> str:
    stem = file.removesuffix("_feat.npy")
    return MODALITY_NAMES.get(stem, stem)


def _read_arrays(folder: Path) -> dict[str, NDArray[np.float32]]:
    arrays = {}
    for path in sorted(folder.glob("*_feat.npy")):
        try:
            x = np.load(path, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise DataError(
                f"{path} cannot be read as a NumPy array: {error}; write it again with numpy.save"
            ) from error
        if x.ndim != 2 or not np.issubdtype(x.dtype, np.number):
            raise DataError(
                f"{path}: expected numbers of shape [items, dimensions], found {x.dtype} of shape {x.shape}"
            )
        bad = int((~np.isfinite(x)).any(axis=1).sum())
        if bad:
            raise DataError(
                f"{path}: {bad:,} rows hold NaN or infinite values (the first is row "
                f"{int((~np.isfinite(x)).any(axis=1).argmax())}); write zeros where an item lacks the modality"
            )
        arrays[path.name] = x
    return arrays


def _split(
    path: Path,
    users: NDArray[np.int64],
    items: NDArray[np.int64],
    table: pd.DataFrame,
    shape: tuple[int, int],
    notes: list[str],
) -> list[Any]:
    if "x_label" in table.columns:
        wrong = ~table["x_label"].isin(["0", "1", "2"])
        if wrong.any():
            raise DataError(
                f"{path}: x_label '{table['x_label'][wrong].iloc[0]}' in line {int(wrong.argmax()) + 2} is none of 0 "
                "(train), 1 (valid), 2 (test); delete the column to have the interactions split at random"
            )
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
        notes.append(f"{int((~first).sum()):,} repeated user-item pairs left out (the earliest split keeps the pair)")
    users, items, labels = users[first], items[first], labels[first]
    trained = np.bincount(users[labels == 0], minlength=shape[0]) > 0
    idle = int((~trained & (np.bincount(users, minlength=shape[0]) > 0)).sum())
    if idle:
        notes.append(f"{idle:,} users have no training interaction; their held-out pairs are not evaluated")
    keep = trained[users]
    users, items, labels = users[keep], items[keep], labels[keep]
    return [csr_from_pairs(users[labels == i], items[labels == i], shape) for i in range(len(SPLITS))]
