"""The fourth stage: one array a modality, of vectors that the source has or that are encoded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from brmrs_graph.data.encoders import (
    Block,
    Encoder,
    TfidfEncoder,
    hub,
    item_pictures,
    item_texts,
    registry,
    vector_blocks,
)
from brmrs_graph.data.encoders.items import encode_present, fit
from brmrs_graph.data.encoders.vectors import check_vectors, vectors_file
from brmrs_graph.data.folder import MODALITY_NAMES
from brmrs_graph.data.preparation.options import Options
from brmrs_graph.data.preparation.stages import Stage, Workplace
from brmrs_graph.data.preparation.vector_file import rotate_file, write_rows
from brmrs_graph.data.raw import Report, Vectors
from brmrs_graph.errors import DataError
from brmrs_graph.files import file_sha256

ENCODERS = {"textual": "minilm", "visual": "efficientnet-lite0"}
"""The encoder of a modality where none is named and the source has no vectors."""

DIGITS = 6
"""Of an energy in the manifest; the rest depends on the number of threads."""

_STEMS = {modality: stem for stem, modality in MODALITY_NAMES.items()}


@dataclass(frozen=True)
class Origin:
    """Where the vectors of a modality come from.

    Args:
        basis: What they follow from besides the items, with their texts and pictures; values that JSON can hold.
        dtype: Type in which they are stored: what others made as it is, what is encoded here in half precision.
        open: Gives, for item ids and a report of what is broken, the vectors, some rows at a time, and what a manifest
            says of where they come from.
    """

    basis: list[Any]
    dtype: type[np.floating[Any]]
    open: Callable[[Sequence[str], Report], tuple[Iterator[Block], dict[str, Any]]]


def ready_encoders(
    options: Options, possible: Collection[str] = (), *, offline: bool = False
) -> dict[str, Encoder[Any]]:
    """The encoders that will be used, with their weights, so that nothing is fetched or read for one that is none.

    Args:
        options: Which encoders are asked for. Files of vectors in their place are looked for.
        possible: Modalities that have a default encoder if none is asked for.
        offline: Whether no weights are fetched.

    Returns:
        Modality -> encoder.

    Raises:
        DataError: If an encoder cannot be used, or a file of vectors is not there.
    """
    makers: dict[str, Callable[[str], Encoder[Any]]] = {
        "textual": registry.text_encoder,
        "visual": registry.image_encoder,
    }
    found: dict[str, Encoder[Any]] = {}
    with hub.closed(offline):
        for modality, maker in makers.items():
            named = options.encoder(modality)
            if path := vectors_file(named):
                check_vectors(path)
            elif named or modality in possible:
                found[modality] = maker(named or ENCODERS[modality])
                found[modality].fingerprint()  # loads the weights, if it has any
    return found


def origins(
    options: Options,
    vectors: Mapping[str, Vectors],
    encoders: Mapping[str, Encoder[Any]],
    texts: Path | None,
    pictures: Path | None,
    *,
    cache_dir: Path | None = None,
    progress: bool = False,
) -> dict[str, Origin]:
    """Where the vectors of every modality come from, that there are any of.

    Args:
        options: Which files of vectors are asked for.
        vectors: Modality -> vectors that the source brings along.
        encoders: Modality -> encoder, which goes before these; see :func:`ready_encoders`.
        texts: Folder of ``items.csv``, if it says anything of an item.
        pictures: Folder of ``images/``, if any item has a picture.
        cache_dir: Where encoded vectors are kept by content (default: nowhere).
        progress: Whether to show progress bars.
    """
    found = {modality: _given(brought, progress) for modality, brought in vectors.items()}
    for modality, folder, inputs in (("textual", texts, item_texts), ("visual", pictures, item_pictures)):
        if path := vectors_file(options.encoder(modality)):
            found[modality] = _made(path)
        elif folder is not None and modality in encoders:
            found[modality] = _encoded(encoders[modality], folder, inputs, cache_dir, progress)
    return found


def feature_stages(
    work: Workplace, basis: Any, found: Mapping[str, Origin], item_ids: Sequence[str], options: Options
) -> dict[str, Stage]:
    """Writes the arrays, each in a stage of its own.

    Args:
        work: Where the data set grows.
        basis: What the items, with their texts and pictures, follow from.
        found: Modality -> where its vectors come from.
        item_ids: The items.
        options: Whether vectors are rotated.

    Returns:
        Modality -> its stage, whose result is what a manifest says of it.
    """
    return {
        modality: work.stage(
            modality,
            [basis, origin.basis, options.pca, options.whiten],
            partial(write_features, modality, origin, item_ids, options=options),
        )
        for modality, origin in found.items()
    }


def write_features(
    modality: str, origin: Origin, item_ids: Sequence[str], folder: Path, options: Options
) -> dict[str, Any]:
    """Writes the array of a modality: row i for item i, zeros where the item lacks it.

    Args:
        modality: The modality.
        origin: Where its vectors come from.
        item_ids: The items.
        folder: Where the file goes.
        options: Whether vectors are rotated.

    Returns:
        What a manifest says of it; ``items`` is the number of items that have the modality.

    Raises:
        DataError: If vectors or what they are made of cannot be read, vectors made elsewhere are of none of the items,
            or an encoder cannot be used.
    """
    report = Report()
    blocks, about = origin.open(item_ids, report)
    path = folder / f"{_STEMS.get(modality, modality)}_feat.npy"
    shape = write_rows(path, len(item_ids), blocks, origin.dtype)
    if "from" in about and not shape.present:
        raise DataError(
            f"{about['from']} has none of the {len(item_ids):,} items (the first is {item_ids[0]!r}); it must name "
            "them as the interactions do"
        )
    about |= {
        "file": path.name,
        "dimensions": shape.dim,
        "items": shape.present,
        "lacking": len(item_ids) - shape.present,
    }
    if options.pca is not None and shape.dim and (options.pca < shape.dim or options.whiten):
        dim = min(options.pca, shape.dim)
        whole = path.rename(folder / f".{path.name}")
        kept = rotate_file(whole, path, dim, options.whiten)
        whole.unlink()
        about |= {
            "dimensions": dim,
            "rotated_from": shape.dim,
            "energy": round(kept, DIGITS),
            "whitened": options.whiten,
        }
    return about | {"broken": report.to_dict()}


def _given(vectors: Vectors, progress: bool) -> Origin:
    """Vectors that the source brings along."""

    def blocks(item_ids: Sequence[str], report: Report) -> Iterator[Block]:
        place = {item: row for row, item in enumerate(item_ids)}
        with tqdm(total=len(place), desc=vectors.path.name, unit=" items", disable=not progress) as bar:
            for items, values in vectors.read(item_ids, report):
                yield np.array([place[item] for item in items], dtype=np.int64), values
                bar.update(len(items))

    name = vectors.path.name  # its checksum is among those of the source
    return Origin(["given", name], np.float32, lambda ids, report: (blocks(ids, report), {"from": name}))


def _made(path: Path) -> Origin:
    """Vectors that were made elsewhere, in a file with the items' ids, or in the order of items.csv."""
    about = {"from": path.name, "sha256": file_sha256(path) if path.is_file() else None}
    return Origin(["made", about], np.float32, lambda ids, _: (vector_blocks(path, ids), about))


def _encoded(
    encoder: Encoder[Any],
    folder: Path,
    inputs: Callable[[Path, Sequence[str]], Sequence[Any]],
    cache_dir: Path | None,
    progress: bool,
) -> Origin:
    """Vectors of texts or pictures."""

    def blocks(item_ids: Sequence[str], _: Report) -> tuple[Iterator[Block], dict[str, Any]]:
        there = inputs(folder, item_ids)
        fitted = fit(encoder, there)
        about: dict[str, Any] = {"encoder": fitted.name, "fingerprint": fitted.fingerprint()}
        if isinstance(fitted, TfidfEncoder):
            about["encoder_energy"] = round(fitted.energy, DIGITS)
        return encode_present(fitted, there, cache_dir=cache_dir, progress=progress), about

    return Origin(["encoded", encoder.name, encoder.fingerprint()], np.float16, blocks)
