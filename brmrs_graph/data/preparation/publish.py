"""A data set folder takes the place of an older one, as a whole."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from brmrs_graph.data.ids import LISTS
from brmrs_graph.data.preparation.stages import link
from brmrs_graph.data.raw.catalogue import IMAGES
from brmrs_graph.errors import DataError
from brmrs_graph.files import file_sha256

MANIFEST = "manifest.json"
_ANEW = "move its folder away and prepare the data set again"


def read_manifest(folder: Path) -> dict[str, Any]:
    """What ``manifest.json`` says of a data set folder; empty where there is none.

    Raises:
        DataError: If it is none.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    try:
        manifest = json.loads(path.read_bytes())
    except ValueError as error:
        raise DataError(f"{path} cannot be read ({error}); {_ANEW}") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise DataError(f"{path} is no manifest of a data set; {_ANEW}")
    return manifest


def file_sums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a data set folder by name; pictures together have one, of their names and checksums."""
    sums = {path.name: file_sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}
    if (folder / IMAGES).is_dir():
        pictures = hashlib.sha256()
        for path in sorted((folder / IMAGES).iterdir()):
            pictures.update(f"{path.name}\0{file_sha256(path)}\0".encode())
        sums[f"{IMAGES}/"] = pictures.hexdigest()
    return sums


def changed_files(folder: Path) -> list[str]:
    """Names of files that are no longer those of ``manifest.json``, or are gone; none where there is no manifest.

    Raises:
        DataError: If the manifest cannot be read.
    """
    made = read_manifest(folder).get("files", {})
    sums = file_sums(folder) if made else {}
    return [name for name, digest in made.items() if sums.get(name) != digest]


def check_target(target: Path, source: Path) -> None:
    """Makes sure that nothing is lost when a new folder takes the place of what is there.

    Args:
        target: The data set folder to be made, or replaced.
        source: The folder of the raw files.

    Raises:
        DataError: If raw files lie in there, or any part of a data set that was not prepared here: it would stay, and
            its rows would be taken for those of the new items.
    """
    if source.resolve().is_relative_to(target.resolve()):
        raise DataError(
            f"{target} holds the raw files and would be replaced by the data set made from them; give another folder "
            "for what is made, or move the raw files"
        )
    made = _made(target)
    parts = {f"{target.name}.inter", *LISTS.values(), IMAGES.name}
    there = sorted(path.name for path in target.iterdir()) if target.is_dir() else []
    if foreign := [name for name in there if name not in made and (name in parts or name.endswith("_feat.npy"))]:
        raise DataError(
            f"{target} holds {', '.join(foreign)}, which was not prepared by this command: {MANIFEST} does not list "
            "it. Give another folder for what is made, or move that away"
        )


def publish(whole: Path, target: Path) -> None:
    """Renames a finished folder to its place; what is there gives way.

    Files of the old folder that its manifest does not list, such as a README or a description of the data set, are
    kept, but for those that the new one has as well. Killed at any moment, this leaves the old folder, the new one, or
    the old one beside the new one, where :func:`recover` finds it.

    Args:
        whole: The new folder.
        target: Its place, in the same file system.
    """
    old = _old(whole.parent)
    if target.is_dir():
        made = _made(target) | {MANIFEST}
        for path in target.iterdir():
            if path.name not in made and not (whole / path.name).exists():
                link(path, whole / path.name)
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
    whole.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def recover(workplace: Path, target: Path) -> None:
    """Puts the old folder back if a kill came after it was moved away and before the new one was there."""
    if _old(workplace).is_dir() and not target.exists():
        _old(workplace).rename(target)


def _made(folder: Path) -> set[str]:
    """What lies directly in a folder because it was prepared, by name."""
    return {Path(name).parts[0] for name in read_manifest(folder).get("files", {})}


def _old(workplace: Path) -> Path:
    return workplace / "replaced"
