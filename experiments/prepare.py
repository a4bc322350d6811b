"""Make a data set folder with features: ``python -m experiments.prepare --dataset NAME [--from DIR]``."""

from __future__ import annotations

import csv
import hashlib
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
import yaml

from brmrs_graph.data import SPLITS, MultimodalDataset, read_folder
from brmrs_graph.data.boutique import generate_boutique, write_boutique
from brmrs_graph.data.folder import MODALITY_NAMES
from brmrs_graph.errors import DataError
from experiments import cli
from experiments.catalog import BUILT_IN, cache_dir
from experiments.check import check

FILE_NAMES = {modality: file for file, modality in MODALITY_NAMES.items()}


@dataclass(frozen=True)
class PrepareSettings:
    """Make a data set folder with feature arrays, ready for experiments.run.

    The boutique is generated anew from its seed. Any other data set is read from a folder with NAME.inter and
    items.csv and/or images/, and its texts and pictures are encoded (`make encoders` installs what that needs).
    """

    dataset: str = "boutique"
    """Name of the data set."""
    source: Annotated[Path | None, tyro.conf.arg(name="from")] = None
    """Folder that holds NAME/ with interactions, texts and pictures."""
    out: Path = BUILT_IN
    """Folder in which NAME/ is made."""
    text_encoder: str = "minilm"
    """Encoder of texts: minilm, tfidf, any sentence-transformers name, or file:PATH with vectors."""
    image_encoder: str = "efficientnet-lite0"
    """Encoder of pictures: efficientnet-lite0, colors, timm:NAME, or file:PATH with vectors."""
    check: Path | None = None
    """Makes nothing: reads this data set folder and prints everything that is wrong with it at once."""


def command(arguments: Sequence[str]) -> None:
    """Parses the command line and prepares, or checks."""
    settings = tyro.cli(PrepareSettings, args=list(arguments), prog="python -m experiments.prepare")
    if settings.check is not None:
        check(settings.check)
    else:
        prepare(settings)


def prepare(settings: PrepareSettings) -> Path:
    """Makes the folder.

    Everything is written aside and read back first, so that a folder that looks whole is whole.

    Returns:
        The folder.

    Raises:
        DataError: If the source is missing or wrong, or an encoder cannot be used.
    """
    if settings.dataset != "boutique" and settings.source is None:
        raise DataError(
            f"where are the raw files of '{settings.dataset}'? Give --from DIR, where DIR/{settings.dataset}/ has "
            f"{settings.dataset}.inter and items.csv or images/"
        )
    target = settings.out / settings.dataset
    aside = settings.out / f".{settings.dataset}.part"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        if settings.dataset == "boutique" or settings.source is None:
            source = aside
            write_boutique(aside, generate_boutique())
        else:
            source = settings.source / settings.dataset
        data = read_folder(
            source,
            name=settings.dataset,
            cache_dir=cache_dir(),
            text_encoder=settings.text_encoder,
            image_encoder=settings.image_encoder,
            progress=True,
            synthetic=source == aside,
        )
        _write(aside, source, data, settings)
        # What is summarised is what runs will read: vectors are rounded when they are written.
        written = replace(read_folder(aside, name=settings.dataset), notes=data.notes, synthetic=data.synthetic)
        target.mkdir(exist_ok=True)
        for path in sorted(aside.iterdir()):
            if path.name == "images":
                shutil.rmtree(target / path.name, ignore_errors=True)
            path.replace(target / path.name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    print(written.summary())
    print(f"written to {target}")
    return target


def _write(folder: Path, source: Path, data: MultimodalDataset, settings: PrepareSettings) -> None:
    hashes = {}
    for modality, x in data.features.items():
        path = folder / f"{FILE_NAMES.get(modality, modality)}_feat.npy"
        if (source / path.name).is_file():
            shutil.copyfile(source / path.name, path)
        else:
            np.save(path, x.numpy().astype(np.float16), allow_pickle=False)
        hashes[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    if source == folder:
        # The generated folder ends its dataset.yaml with the checksums of its tables.
        with (folder / "dataset.yaml").open("a") as file:
            file.writelines(f"  {name}: {digest}\n" for name, digest in sorted(hashes.items()))
        return
    _write_interactions(folder / f"{data.name}.inter", source, data)
    if (source / "items.csv").is_file():
        shutil.copyfile(source / "items.csv", folder / "items.csv")
    about = {
        "name": data.name,
        "synthetic": False,
        "encoders": {"text": settings.text_encoder, "image": settings.image_encoder},
        "counts": data.counts(),
        "sha256": hashes,
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(about, sort_keys=False))


def _write_interactions(path: Path, source: Path, data: MultimodalDataset) -> None:
    """Copies interactions whose split is given; writes others down with the split that was drawn."""
    with (source / path.name).open(encoding="utf-8-sig") as file:
        header = file.readline().rstrip("\n").split("\t")
    if "x_label" in header:
        shutil.copyfile(source / path.name, path)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(("userID", "itemID", "x_label"))
        for label, split in enumerate(SPLITS):
            users, items = data.split(split).nonzero()
            writer.writerows((data.user_ids[u], data.item_ids[i], label) for u, i in zip(users, items, strict=True))


if __name__ == "__main__":
    sys.exit(cli.main(command))
