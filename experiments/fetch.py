"""Fetches the raw files of a described data set, from the first of its sources that has them all.

They are kept in ``downloads/NAME/SOURCE`` of the cache folder, so that preparing again fetches nothing. With the
environment variable ``BRMRS_OFFLINE`` set to anything, only what is there already is used.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from brmrs_graph.data.archive import unpack
from brmrs_graph.data.download import Patience, UnavailableError, download
from brmrs_graph.errors import ConfigError, DataError
from brmrs_graph.files import file_sha256
from brmrs_graph.lock import locked
from experiments.catalog import BUILT_IN, cache_dir, described
from experiments.description import DatasetDescription, RawSource

if TYPE_CHECKING:
    from experiments.prepare import PrepareSettings

_OPTIONS: dict[str, tuple[type, ...]] = {
    "layout": (str,),
    "k_core": (int,),
    "min_rating": (int, float),
    "split": (str,),
    "seed": (int,),
    "text_fields": (tuple,),
    "unseen_items": (bool,),
    "text_encoder": (str,),
    "image_encoder": (str,),
    "pca": (int,),
    "whiten": (bool,),
}
"""Options of a command that a description may ask for, and what their values are: nothing that names a place."""

HASTE = Patience(timeout=10, attempts=2, wait=0.5)
"""Somebody waits for the answer; what has begun to arrive is given as many attempts as it takes."""


def fetched(settings: PrepareSettings) -> PrepareSettings:
    """The settings with raw files, which are fetched, and with the options that make the described data set of them.

    Options that have another value than their default stay as they are.

    Args:
        settings: Those of a data set whose raw files are not given.

    Raises:
        ConfigError: If the data set has no such source.
        DataError: If it is not described, no source has its files, or its description asks for an unknown option.
    """
    about = described(settings.dataset)
    if not about.sources:
        raise DataError(
            f"where are the raw files of '{settings.dataset}'? Give --from DIR; no source of them is known, since "
            f"{about.path} does not list any"
        )
    defaults = type(settings)()
    for each in about.sources:
        if unknown := [option for option, value in each.prepare.items() if type(value) not in _OPTIONS.get(option, ())]:
            raise DataError(
                f"{about.path}: source {each.name} asks for unknown options, or gives them values of the wrong kind: "
                f"{', '.join(map(str, unknown))}; there are: {', '.join(_OPTIONS)}"
            )
    source, folder = fetch(about, settings.out / settings.dataset, settings.fetch)
    given = {name for name, value in vars(defaults).items() if getattr(settings, name) != value}
    options = {option: value for option, value in source.prepare.items() if option not in given}
    return replace(settings, source=folder, **options)


def fetch(about: DatasetDescription, target: Path, source: str = "") -> tuple[RawSource, Path]:
    """Fetches what is not there yet, saying what it does.

    Args:
        about: The data set, with at least one source.
        target: The data set folder that is wanted, for the error message.
        source: Name of the source to take; empty: the first one that has all its files, but for those that give
            something else.

    Returns:
        The source and the folder of its files, ready to be prepared.

    Raises:
        BusyError: If another process fetches from there.
        ConfigError: If there is no such source.
        DataError: If no source has all its files; the message says what each one answered and what can be done.
    """
    wanted = [each for each in about.sources if (each.name == source if source else not each.by_name)]
    if not wanted:
        names = ", ".join(each.name for each in about.sources)
        raise ConfigError(f"'{about.name}' has no source '{source}'; its sources are: {names} (see {about.path})")
    answers: list[str] = []
    for each in wanted:
        print(f"fetching {about.name} from {each.name}: {each.gives}")
        folder = cache_dir() / "downloads" / about.name / each.name
        with locked(folder):
            try:
                return each, _all_files(each, folder)
            except UnavailableError as error:
                answers += [f"  {each.name}: {error}"]
                answers += [f"    {urlsplit(url).hostname}: {reason}" for url, reason in error.answers]
            finally:
                _remove_empty(folder)
    raise DataError(_nothing_found(about, target, wanted, answers))


def offline() -> bool:
    """Whether the environment says that nothing may be fetched."""
    return bool(os.environ.get("BRMRS_OFFLINE"))


def _all_files(source: RawSource, folder: Path) -> Path:
    for file in source.files:
        try:
            path = download(
                () if offline() else file.urls,
                folder / file.name,
                expected=file.expected,
                patience=HASTE,
                progress=True,
            )
        except UnavailableError as error:
            why = "is not there, and BRMRS_OFFLINE is set" if offline() else "could not be fetched"
            raise UnavailableError(f"{file.name} {why}", error.answers) from error
    return _unpacked(path) if source.archive else folder


def _unpacked(archive: Path) -> Path:
    folder = archive.with_name(f"unpacked-{file_sha256(archive)[:16]}")
    if not folder.exists():
        for other in archive.parent.glob("unpacked-*"):  # from an archive that was there before
            shutil.rmtree(other, ignore_errors=True)
        try:
            unpack(archive, folder)
        except DataError as error:
            archive.unlink()  # its next download may be a better one
            raise UnavailableError(str(error), ()) from error
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def _remove_empty(folder: Path) -> None:
    """Takes away a folder and the two around it as far as nothing is in them."""
    for each in (folder, *folder.parents[:2]):
        with suppress(OSError):
            each.rmdir()


def _nothing_found(about: DatasetDescription, target: Path, tried: list[RawSource], answers: list[str]) -> str:
    command = f"python -m experiments.prepare --dataset {about.name}"
    where = "" if target.parent == BUILT_IN else f" --out {target.parent}"
    others = [each for each in about.sources if each not in tried]
    return "\n".join(
        [
            f"data set '{about.name}' is not there and could not be fetched",
            f"looked for: {target / f'{about.name}.inter'}",
            "sources, in the order in which they were tried:",
            *answers,
            *(["by hand:", *(f"  {line}" for line in about.by_hand.splitlines())] if about.by_hand else []),
            f"with the raw files in a folder DIR: {command} --from DIR{where}",
            *(f"instead, {each.gives}: {command} --fetch {each.name}{where}" for each in others),
            "the built-in data set runs without anything: --dataset boutique",
        ]
    )
