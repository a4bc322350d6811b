"""Finds data sets by name: in the repository's ``datasets/``, under ``--data-root``, or generated (``planted``)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from brmrs_graph.data import Corruption, MultimodalDataset, read_folder
from brmrs_graph.data.planted import Planted, PlantedConfig, generate_planted
from brmrs_graph.data.preparation import MANIFEST, read_manifest
from brmrs_graph.errors import DataError
from brmrs_graph.files import file_sha256
from brmrs_graph.models import model_class
from experiments.description import DatasetDescription, read_description
from experiments.settings import PLANTED, RunSettings

REPOSITORY = Path(__file__).resolve().parent.parent
BUILT_IN = REPOSITORY / "datasets"


def cache_dir() -> Path:
    """Where downloads and encoded features are kept: ``$BRMRS_CACHE``, else the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("BRMRS_CACHE") or Path(base) / "brmrs-graph")


def place(name: str, data_root: Path | None) -> Path:
    """Where a data set belongs: ``DATA_ROOT/NAME`` if a root is given, else ``datasets/NAME`` of the repository."""
    return (data_root or BUILT_IN) / name


def find(name: str, data_root: Path | None) -> Path:
    """The folder of a data set that is there, see :func:`place`.

    Raises:
        DataError: If it is not there; the message says where it was looked for and what can be done.
    """
    folder = place(name, data_root)
    if is_there(folder):
        return folder
    known = sorted(path.parent.name for path in BUILT_IN.glob("*/dataset.yaml"))
    there = sorted(path.parent.name for path in folder.parent.glob("*/*.inter"))
    raise DataError(
        f"data set '{name}' is not there: looked for {folder / f'{name}.inter'}. "
        f"Point --data-root at the folder that holds {name}/, or make it with "
        f"`python -m experiments.prepare --dataset {name}{'' if described(name).sources else ' --from DIR'}`. "
        f"Found there: {', '.join(there) or 'nothing'}; described in datasets/: {', '.join(known)}. "
        "The built-in one runs without anything: --dataset boutique"
    )


def ensure_available(name: str, data_root: Path | None) -> None:
    """Checks that a data set is there, or can be fetched or generated, before anything else is begun.

    Args:
        name: Its name.
        data_root: Folder that holds it, or is to hold what is fetched (default: the repository's ``datasets/``).

    Raises:
        DataError: If it is not, or the folder is missing or holds the files themselves.
    """
    if name == PLANTED:
        return
    if data_root is not None and not data_root.is_dir():
        raise DataError(
            f"--data-root {data_root} is no folder; correct it, or make the folder to have data fetched there"
        )
    if data_root is not None and (data_root / f"{name}.inter").is_file():
        raise DataError(f"--data-root {data_root} is the folder of '{name}' itself; give the one that holds it")
    if not described(name).sources:
        find(name, data_root)


def is_there(folder: Path) -> bool:
    """Whether a data set lies in a folder of its name."""
    return (folder / f"{folder.name}.inter").is_file()


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
    check_files(folder, about.sha256, "dataset.yaml", features)
    check_files(folder, read_manifest(folder).get("files", {}), MANIFEST, features)
    data = read_folder(
        folder,
        features=features,
        cache_dir=cache_dir(),
        text_encoder=text_encoder,
        image_encoder=image_encoder,
        progress=progress,
        synthetic=about.synthetic,
    )
    return replace(data, notes=(*data.notes, *described(name).remarks(data)))


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


def check_files(folder: Path, sums: Mapping[str, str], listed_in: str, features: bool = True) -> None:
    """Compares the interactions, the lists of users and items, and the feature arrays with their checksums.

    The lists number the rows of the arrays: a table of items that was sorted anew would give them to other items.

    Args:
        folder: The data set's folder.
        sums: File name -> SHA-256; other kinds of files are not looked at.
        listed_in: The file that lists them, for the message.
        features: Whether feature arrays matter.

    Raises:
        DataError: If a file was changed since the folder was made.
    """
    for name, expected in sums.items():
        path = folder / name
        if (
            not path.is_file()
            or path.suffix not in {".inter", ".csv", ".npy"}
            or (path.suffix == ".npy" and not features)
        ):
            continue
        if file_sha256(path) != expected:
            raise DataError(
                f"{path} is not the file that {folder / listed_in} describes (its sha256 differs); restore it, "
                f"make the folder anew with experiments.prepare, or delete the line in {listed_in}"
            )


def describe(folder: Path) -> DatasetDescription:
    """What ``dataset.yaml`` in a folder says of the data set; nothing where there is none."""
    path = folder / "dataset.yaml"
    return read_description(path) if path.is_file() else DatasetDescription(path)


def described(name: str) -> DatasetDescription:
    """What this project says of a data set, wherever the data lie; nothing of unknown ones."""
    return describe(BUILT_IN / name)
