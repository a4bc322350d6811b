"""Make a data set folder with features: ``python -m experiments.prepare --dataset NAME [--from DIR]``."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from scipy.sparse import csr_matrix

from brmrs_graph.data import SPLITS, MultimodalDataset, read_folder
from brmrs_graph.data.boutique import generate_boutique, write_boutique
from brmrs_graph.data.folder import MODALITY_NAMES
from brmrs_graph.errors import DataError
from experiments import cli
from experiments.catalog import BUILT_IN, cache_dir

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
    """Encoder of texts: minilm, or any sentence-transformers name."""
    image_encoder: str = "efficientnet-lite0"
    """Encoder of pictures: efficientnet-lite0, or timm:NAME."""


def command(arguments: Sequence[str]) -> None:
    """Parses the command line and prepares."""
    prepare(tyro.cli(PrepareSettings, args=list(arguments), prog="python -m experiments.prepare"))


def prepare(settings: PrepareSettings) -> Path:
    """Makes the folder.

    Everything is written aside first, so that a folder that looks whole is whole.

    Returns:
        The folder.

    Raises:
        DataError: If the source is missing or wrong, or an encoder cannot be used.
    """
    target = settings.out / settings.dataset
    aside = settings.out / f".{settings.dataset}.part"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        if settings.dataset == "boutique":
            source = aside
            write_boutique(aside, generate_boutique())
        elif settings.source is None:
            raise DataError(
                f"where are the raw files of '{settings.dataset}'? Give --from DIR, with DIR/{settings.dataset}/ holding "
                f"{settings.dataset}.inter and items.csv or images/"
            )
        else:
            source = settings.source / settings.dataset
        data = read_folder(
            source,
            name=settings.dataset,
            cache_dir=cache_dir(),
            text_encoder=settings.text_encoder,
            image_encoder=settings.image_encoder,
            progress=True,
        )
        _write(aside, source, data)
        target.mkdir(exist_ok=True)
        for path in sorted(aside.iterdir()):
            if path.name == "images":
                shutil.rmtree(target / path.name, ignore_errors=True)
            path.replace(target / path.name)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    print(data.summary())
    print(f"written to {target}")
    return target


def _write(folder: Path, source: Path, data: MultimodalDataset) -> None:
    hashes = {}
    for modality, x in data.features.items():
        path = folder / f"{FILE_NAMES.get(modality, modality)}_feat.npy"
        np.save(path, x.numpy().astype(np.float16), allow_pickle=False)
        hashes[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    if source == folder:
        # The generated folder ends its dataset.yaml with the checksums of its tables.
        with (folder / "dataset.yaml").open("a") as file:
            file.writelines(f"  {name}: {digest}\n" for name, digest in sorted(hashes.items()))
        return
    (folder / f"{data.name}.inter").write_text(_interactions(data))
    if (source / "items.csv").is_file():
        shutil.copyfile(source / "items.csv", folder / "items.csv")


def _interactions(data: MultimodalDataset) -> str:
    lines = ["userID\titemID\tx_label"]
    for label, split in enumerate(SPLITS):
        matrix: csr_matrix = data.split(split)
        users, items = matrix.nonzero()
        lines += [f"{data.user_ids[u]}\t{data.item_ids[i]}\t{label}" for u, i in zip(users, items, strict=True)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(cli.main(command))
