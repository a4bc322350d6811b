"""Writing the boutique as a data set folder."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

from brmrs_graph.data.boutique.attributes import VOCABULARY
from brmrs_graph.data.boutique.catalogue import Boutique

_PALETTE = 48  # colours of a picture file: enough for flat colours with soft edges, and a third of the bytes

_DATASET_YAML = """\
name: boutique
synthetic: true
description: >-
  SYNTHETIC. A generated catalogue of garments with rendered pictures and written descriptions. What the users
  like depends on attributes that are shown and told, only shown, only told, and on one interaction of a told
  with a shown one. Some texts and pictures are wrong or missing on purpose.
licence: MIT
citation: null
seed: {seed}
sources: generated
modalities:
  visual: images/
  textual: items.csv
counts:
  users: {users}
  items: {items}
  pairs: {pairs}
  train: {train}
  valid: {valid}
  test: {test}
sha256:
{hashes}
"""


def write_boutique(folder: str | os.PathLike[str], boutique: Boutique) -> None:
    """Write a whole data set folder: the tables and the pictures.

    Args:
        folder: Created if it is not there; files of the same names are replaced, each of them atomically.
        boutique: What to write.
    """
    write_tables(folder, boutique)
    write_pictures(folder, boutique)


def write_tables(folder: str | os.PathLike[str], boutique: Boutique) -> None:
    """Write ``boutique.inter``, ``items.csv``, ``attributes.csv`` and ``dataset.yaml``.

    The same boutique gives the same bytes.

    Args:
        folder: Created if it is not there.
        boutique: What to write.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "boutique.inter": _interactions(boutique),
        "items.csv": _items(boutique),
        "attributes.csv": _attributes(boutique),
    }
    labels = boutique.x_label.tolist()
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in tables.items()}
    tables["dataset.yaml"] = _DATASET_YAML.format(
        seed=boutique.config.seed,
        users=boutique.config.n_users,
        items=boutique.n_items,
        pairs=len(labels),
        train=labels.count(0),
        valid=labels.count(1),
        test=labels.count(2),
        hashes="\n".join(f"  {name}: {digest}" for name, digest in hashes.items()),
    ).encode()
    for name, content in tables.items():
        _replace(folder / name, content)


def write_pictures(folder: str | os.PathLike[str], boutique: Boutique) -> None:
    """Write ``images/<itemID>.png`` for every garment that has a picture; one that must not be there goes.

    Args:
        folder: The data set folder, created if it is not there.
        boutique: What to write.
    """
    images = Path(folder) / "images"
    images.mkdir(parents=True, exist_ok=True)
    for item in range(boutique.n_items):
        path = images / f"{item}.png"
        picture = boutique.picture(item)
        if picture is None:
            path.unlink(missing_ok=True)
            continue
        file = io.BytesIO()
        flat = picture.quantize(_PALETTE, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        flat.save(file, format="PNG", optimize=True)
        _replace(path, file.getvalue())


def _interactions(boutique: Boutique) -> bytes:
    pairs = zip(boutique.users.tolist(), boutique.items.tolist(), boutique.x_label.tolist(), strict=True)
    return _table(("userID", "itemID", "x_label"), pairs, delimiter="\t")


def _items(boutique: Boutique) -> bytes:
    rows = ((item, text.title, text.text) for item, text in enumerate(boutique.descriptions))
    return _table(("itemID", "title", "description"), rows)


def _attributes(boutique: Boutique) -> bytes:
    texts, pictures = boutique.text_faults, boutique.picture_faults
    header = ("itemID", *VOCABULARY, "popularity", "text_fault", "text_of", "picture_fault", "picture_of")
    rows = (
        (
            item,
            *boutique.attributes.of(item).values(),
            f"{boutique.attributes.popularity[item]:.4f}",
            texts.fault[item],
            int(texts.source[item]),
            pictures.fault[item],
            int(pictures.source[item]),
        )
        for item in range(boutique.n_items)
    )
    return _table(header, rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ",") -> bytes:
    """A delimited table in UTF-8, with the same line ends on every system."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return file.getvalue().encode()


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
