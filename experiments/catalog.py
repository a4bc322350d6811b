"""Finds data sets by name: in the repository's ``datasets/``, under ``--data-root``, or generated (``planted``)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from brmrs_graph.data import Corruption, MultimodalDataset, read_folder
from brmrs_graph.data.planted import Planted, PlantedConfig, generate_planted
from brmrs_graph.errors import DataError
from brmrs_graph.models import model_class
from experiments.settings import PLANTED, RunSettings

REPOSITORY = Path(__file__).resolve().parent.parent
BUILT_IN = REPOSITORY / "datasets"


def cache_dir() -> Path:
    """Where encoded features are kept between runs: ``$BRMRS_CACHE``, else the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("BRMRS_CACHE") or Path(base) / "brmrs-graph")


def find(name: str, data_root: Path | None) -> Path:
    """The folder of a data set: ``DATA_ROOT/NAME`` if a root is given, else ``datasets/NAME`` of the repository.

    Raises:
        DataError: If it is not there; the message says where it was looked for and what can be done.
    """
    folder = (data_root or BUILT_IN) / name
    if (folder / f"{name}.inter").is_file():
        return folder
    known = sorted(path.parent.name for path in BUILT_IN.glob("*/dataset.yaml"))
    there = sorted(path.parent.name for path in (data_root or BUILT_IN).glob("*/*.inter"))
    raise DataError(
        f"data set '{name}' is not there: looked for {folder / f'{name}.inter'}. "
        f"Point --data-root at the folder that holds {name}/, or make it with "
        f"`python -m experiments.prepare --dataset {name} --from DIR`. "
        f"Found there: {', '.join(there) or 'nothing'}; described in datasets/: {', '.join(known)}. "
        "The built-in one runs without anything: --dataset boutique"
    )


def load(
    name: str,
    data_root: Path | None = None,
    *,
    features: bool = True,
    text_encoder: str = "minilm",
    image_encoder: str = "efficientnet-lite0",
    progress: bool = False,
    planted: PlantedConfig | None = None,
) -> MultimodalDataset:
    """Finds and reads a data set; ``planted`` is generated in memory, wherever the root is.

    Args:
        name: Its name.
        data_root: Folder that holds it (default: the repository's ``datasets/``).
        features: Whether item features are needed.
        text_encoder: Encoder of texts, where there is no feature array.
        image_encoder: Encoder of pictures, where there is no feature array.
        progress: Whether to show progress while encoding.
        planted: What to generate the data set ``planted`` from (default: its defaults).

    Raises:
        DataError: If the data set is missing or wrong.
    """
    if name == PLANTED:
        data = planted_data(planted or PlantedConfig()).data
        return data if features else replace(data, features={}, missing={})
    folder = find(name, data_root)
    about = describe(folder)
    check_files(folder, about, features)
    return read_folder(
        folder,
        features=features,
        cache_dir=cache_dir(),
        text_encoder=text_encoder,
        image_encoder=image_encoder,
        progress=progress,
        synthetic=bool(about.get("synthetic", False)),
    )


def load_for(settings: RunSettings, *, progress: bool = False) -> MultimodalDataset:
    """The data set of a run, as its model reads it: the same settings give the same content hash.

    Args:
        settings: Those of the run, from the command line or from :func:`~experiments.settings.from_yaml`.
        progress: Whether to show progress while encoding.

    Raises:
        DataError: If the data set is missing or wrong.
    """
    data = load(
        settings.dataset,
        settings.data_root,
        features=model_class(settings.model).needs_content,
        text_encoder=settings.text_encoder,
        image_encoder=settings.image_encoder,
        progress=progress,
        planted=settings.planted,
    )
    if settings.corrupt:
        data = Corruption.parse(settings.corrupt).apply(data, settings.text_encoder)
    return data.imputed() if settings.impute == "mean" else data


@lru_cache(maxsize=2)
def planted_data(config: PlantedConfig) -> Planted:
    """The planted data set with its truth, generated once per process and configuration.

    Generating takes a few seconds, so that no file keeps it and none can be out of date.
    """
    return generate_planted(config)


def check_files(folder: Path, about: Mapping[str, Any], features: bool = True) -> None:
    """Compares the interactions and feature arrays of a folder with the checksums of its ``dataset.yaml``.

    Raises:
        DataError: If a file was changed since the folder was made.
    """
    for name, expected in (about.get("sha256") or {}).items():
        path = folder / name
        if not path.is_file() or path.suffix not in {".inter", ".npy"} or (path.suffix == ".npy" and not features):
            continue
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise DataError(
                f"{path} is not the file that {folder / 'dataset.yaml'} describes (its sha256 differs); restore it, "
                "make the folder anew with experiments.prepare, or delete the line in dataset.yaml"
            )


def describe(folder: Path) -> dict[str, Any]:
    """What ``dataset.yaml`` says of a data set; empty where there is none."""
    path = folder / "dataset.yaml"
    if not path.is_file():
        return {}
    try:
        about = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no valid YAML: {error}") from error
    if not isinstance(about, dict):
        raise DataError(f"{path} must hold names and values, such as `synthetic: true`")
    return about
