"""A folder of items, ``items.csv`` and ``images/``, to one feature matrix for each modality."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import quote

import numpy as np
from tqdm import tqdm

from brmrs_graph.data.counted import counted
from brmrs_graph.data.csv_rows import csv_rows
from brmrs_graph.data.encoders import registry
from brmrs_graph.data.encoders.base import Block, CorpusEncoder, Encoder, FloatArray
from brmrs_graph.data.encoders.cache import encode_blocks
from brmrs_graph.data.encoders.vectors import read_vectors, vectors_file
from brmrs_graph.errors import DataError

T = TypeVar("T")
_LONGEST_NAME = 200  # characters; file systems allow 255 bytes with the suffix

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
"""How the names of picture files end, in order of preference, if an item has several."""


class Encoded(NamedTuple):
    """The vectors of a modality."""

    vectors: FloatArray
    """float32, shape ``[n, dim]``; an all-zero row marks an item that lacks the modality."""
    made_from: str = ""
    """SHA-256 of the encoder's weights and of all inputs in their order; empty for vectors made elsewhere."""


def item_texts(folder: Path, item_ids: Sequence[str]) -> list[str]:
    """Read what ``items.csv`` says about each item, as one text.

    The text is every column but ``itemID``, in their order, as sentences: ``"value. value."``. Empty
    values are left out, and ``a|b`` becomes ``a, b``.

    Args:
        folder: The data set's folder.
        item_ids: ``n`` item ids, compared as strings.

    Returns:
        ``n`` texts; empty for an item without a row or whose row is empty, and for all if there is no
        ``items.csv``.

    Raises:
        DataError: If ``items.csv`` is not UTF-8 or not well-formed CSV, has no column ``itemID``, or
            names an item twice.
    """
    path = Path(folder) / "items.csv"
    texts = _read_texts(path) if path.is_file() else {}
    return [texts.get(item, "") for item in item_ids]


def picture_name(item: str) -> str:
    """File name, without suffix, of an item's picture: the id itself, if every file system takes it as a name.

    What some do not take is percent-encoded (``a/b`` becomes ``a%2Fb``); an id too long for a name gives its SHA-256.
    """
    name = quote(item, safe=" !#$&'()+,;=@[]{}^`")
    name = f"%2E{name[1:]}" if name.startswith(".") else name
    return name if len(name) <= _LONGEST_NAME else hashlib.sha256(item.encode()).hexdigest()


def item_pictures(folder: Path, item_ids: Sequence[str]) -> list[Path | None]:
    """Find each item's picture, ``images/<itemID>`` with the suffix jpg, jpeg, png or webp.

    Where an id cannot be a file name, the picture is looked for under :func:`picture_name` of it. A name that is that
    of another item's picture, as ``a%2Fb`` is for ``a/b``, is not looked for.

    Args:
        folder: The data set's folder.
        item_ids: ``n`` item ids.

    Returns:
        ``n`` picture files; None for an item without one, and for all if there is no ``images/``.
    """
    images = Path(folder) / "images"
    pictures = _find_pictures(images) if images.is_dir() else {}
    names = [picture_name(item) for item in item_ids]
    taken = set(names)
    return [
        pictures.get(name) or (pictures.get(item) if item not in taken else None)
        for item, name in zip(item_ids, names, strict=True)
    ]


def encode_items(
    folder: Path,
    item_ids: Sequence[str],
    *,
    text_encoder: str | Encoder[str] = "minilm",
    image_encoder: str | Encoder[Path] = "efficientnet-lite0",
    cache_dir: Path | None = None,
    only: Collection[str] = ("textual", "visual"),
    progress: bool = False,
) -> dict[str, Encoded]:
    """Encode the texts and pictures of a folder.

    Args:
        folder: The data set's folder; see ``item_texts`` and ``item_pictures`` for what it may hold.
        item_ids: ``n`` item ids; row ``i`` of each matrix is ``item_ids[i]``.
        text_encoder: Name (see ``registry.text_encoder``) or encoder, or ``file:PATH`` with vectors made
            elsewhere (see ``read_vectors``). Default: ``minilm``, 384-d.
        image_encoder: Name (see ``registry.image_encoder``) or encoder, or ``file:PATH``. Default:
            ``efficientnet-lite0``, 1280-d.
        cache_dir: Where vectors are kept by content, so that a second call encodes only what is new.
            Default: nothing is kept.
        only: Modalities to encode. Default: both.
        progress: Whether to show a progress bar for each modality. Default: no.

    Returns:
        ``"textual"``, if ``items.csv`` says anything about these items, and ``"visual"``, if there is an
        ``images/``, or if their vectors are in a file.

    Raises:
        DataError: If ``items.csv`` or a picture cannot be read, none of the items is found in a file or
            folder that is there, or an encoder cannot be loaded.
    """
    folder = Path(folder)
    features: dict[str, Encoded] = {}
    table, images = folder / "items.csv", folder / "images"
    for modality, encoded_by in (("textual", text_encoder), ("visual", image_encoder)):
        if modality in only and (path := vectors_file(encoded_by)):
            features[modality] = Encoded(read_vectors(path, item_ids))
    only = set(only) - set(features)
    if "textual" in only and table.is_file():
        known = _read_texts(table)
        _check_ids(item_ids, known, table)
        texts = [known.get(item) for item in item_ids]
        if any(texts):
            encoder = registry.text_encoder(text_encoder) if isinstance(text_encoder, str) else text_encoder
            features["textual"] = _encoded(encoder, texts, cache_dir, progress)
    if "visual" in only and images.is_dir():
        pictures = item_pictures(folder, item_ids)
        _check_ids(item_ids, [item for item, picture in zip(item_ids, pictures, strict=True) if picture], images)
        eyes = registry.image_encoder(image_encoder) if isinstance(image_encoder, str) else image_encoder
        features["visual"] = _encoded(eyes, pictures, cache_dir, progress)
    return features


def fit(encoder: Encoder[T], inputs: Sequence[T | None]) -> Encoder[T]:
    """The encoder, fitted to the inputs that are there if its vectors depend on all of them."""
    return encoder.fit([value for value in inputs if value]) if isinstance(encoder, CorpusEncoder) else encoder


def encode_present(
    encoder: Encoder[T], inputs: Sequence[T | None], *, cache_dir: Path | None = None, progress: bool = False
) -> Iterator[Block]:
    """Encode the inputs that are there.

    Args:
        encoder: The encoder, see :func:`fit`.
        inputs: ``n`` texts or picture files; None, or an empty text, where an item has none.
        cache_dir: Where vectors are kept by content. Default: nothing is kept.
        progress: Whether to show a progress bar. Default: no.

    Yields:
        Rows below ``n`` of inputs that are there, and their vectors.
    """
    rows = np.array([row for row, value in enumerate(inputs) if value], dtype=np.int64)
    present = [value for value in inputs if value]
    keys = [hashlib.sha256(_content(value)).digest() for value in present]
    cache_dir = None if isinstance(encoder, CorpusEncoder) else cache_dir
    with tqdm(total=len(present), desc=encoder.name, unit=" items", disable=not progress) as bar:
        for places, values in encode_blocks(encoder, present, keys, cache_dir, bar.update):
            yield rows[places], values


def _content(value: object) -> bytes:
    return value.read_bytes() if isinstance(value, Path) else str(value).encode()


def _encoded(encoder: Encoder[T], inputs: Sequence[T | None], cache_dir: Path | None, progress: bool) -> Encoded:
    encoder = fit(encoder, inputs)
    features = np.zeros((len(inputs), encoder.dim), dtype=np.float32)
    for rows, values in encode_present(encoder, inputs, cache_dir=cache_dir, progress=progress):
        features[rows] = values
    made_from = hashlib.sha256(encoder.fingerprint().encode())
    for value in inputs:
        made_from.update(hashlib.sha256(_content(value)).digest() if value else bytes(32))
    return Encoded(features, made_from.hexdigest())


def _check_ids(item_ids: Sequence[str], known: Collection[str], path: Path) -> None:
    """Refuse a file that knows none of the items: training would go on without the modality."""
    if item_ids and set(item_ids).isdisjoint(known):
        raise DataError(
            f"{path} has none of the {len(item_ids):,} items (the first is {item_ids[0]!r}). Item ids are "
            "compared as text, so '7' and '007' differ: use the same ids as in the interactions, or remove "
            f"{path.name} to go without it."
        )


def _find_pictures(images: Path) -> dict[str, Path]:
    # Looked up in a listing: an item id never becomes a path, whatever it holds.
    files = sorted(images.iterdir())
    pictures: dict[str, Path] = {}
    for suffix in PICTURE_SUFFIXES:
        for file in files:
            if file.suffix.lower() == suffix:
                pictures.setdefault(file.stem, file)
    return pictures


def _read_texts(path: Path) -> dict[str, str]:
    rows = csv_rows(path)
    _, header = next(rows, (1, []))
    if "itemID" not in header:
        raise DataError(
            f"{path}: no column 'itemID' in the first line ({', '.join(header)}). "
            "Name the column of item ids 'itemID', and separate columns by commas."
        )
    column = header.index("itemID")
    texts: dict[str, str] = {}
    for line, row in rows:
        if len(row) != len(header):
            raise DataError(
                f"{path}, line {line}: {counted(len(row), 'field')}, but the first line has {len(header)}. "
                "Put values that hold commas or line breaks in double quotes."
            )
        item = row.pop(column)
        if item in texts:
            raise DataError(f"{path}, line {line}: itemID {item!r} occurs a second time. Keep one row for each item.")
        texts[item] = _as_text(row)
    return texts


def _as_text(values: Sequence[str]) -> str:
    lists = (", ".join(part.strip() for part in value.split("|") if part.strip()) for value in values)
    return " ".join(text if text.endswith((".", "!", "?")) else f"{text}." for text in lists if text)
