"""The third stage: every item's picture, copied from the source or fetched from its address."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path, PurePosixPath
from threading import get_ident
from urllib.parse import urlsplit

from tqdm import tqdm

from brmrs_graph.data.download import Expected, Patience, UnavailableError, download
from brmrs_graph.data.encoders.image import load_picture
from brmrs_graph.data.encoders.items import PICTURE_SUFFIXES, picture_name
from brmrs_graph.data.raw import Report
from brmrs_graph.data.raw.catalogue import IMAGES
from brmrs_graph.errors import DataError

WORKERS = 8
"""Pictures at a time: no server is asked for more."""
PATIENCE = Patience(timeout=20.0, attempts=3, wait=1.0, longest_wait=10.0)
"""How long a picture is waited for; there are many, and all goes on without it."""
HOPELESS = 16
"""A server that was waited for in vain so often, and gave no picture yet, is not asked any more."""
MAX_BYTES = 32 * 2**20
"""Most bytes of a picture that is fetched."""

_BATCH = 1024


def collect_pictures(
    source: Path,
    places: Mapping[str, str],
    folder: Path,
    report: Report,
    *,
    cache_dir: Path | None = None,
    offline: bool = False,
    progress: bool = False,
) -> int:
    """Puts pictures into ``images/``; those that are there already are not copied or fetched again.

    What cannot be fetched, or read as a picture, is counted, and the item goes without.

    Args:
        source: Folder in which paths begin.
        places: Item -> path or http(s) address of its picture.
        folder: The folder that is made.
        report: Where pictures that items have to go without are counted.
        cache_dir: Where fetched pictures are kept by address, so that no other call fetches them (default: nowhere).
        offline: Whether nothing is fetched: pictures with an address are taken from ``cache_dir`` alone.
        progress: Whether to show a progress bar.

    Returns:
        Items that have a picture.
    """
    collection = _Collection(source, folder, cache_dir, offline)
    entries = list(places.items())
    found = 0
    with (
        ThreadPoolExecutor(WORKERS) as pool,
        tqdm(total=len(entries), desc="pictures", unit="", disable=not progress) as bar,
    ):
        for start in range(0, len(entries), _BATCH):
            batch = entries[start : start + _BATCH]
            # In the order of the items, whichever comes first: a report names the same ones first every time.
            for (item, _), fault in zip(batch, pool.map(collection.add, batch), strict=True):
                if fault:
                    report.note(IMAGES, fault, item)
                found += not fault
                bar.update()
    shutil.rmtree(collection.fetched, ignore_errors=True)
    for path in collection.images.glob(".*.part"):  # what a killed run left
        path.unlink()
    return found


def stamps(source: Path, places: Mapping[str, str]) -> list[tuple[str, int, int]]:
    """Path, bytes and time of the last change of each picture in the source's folder: what a change of one shows in."""
    found = []
    for place in sorted({place for place in places.values() if not is_address(place)}):
        with suppress(OSError):  # it is gone, which shows as well
            about = (source / place).stat()
            found.append((place, about.st_size, about.st_mtime_ns))
    return found


def is_address(place: str) -> bool:
    """Whether a picture is fetched, and not in the source's folder."""
    return place.lower().startswith(("http://", "https://"))


class _Collection:
    """Pictures that are put into a folder, from several threads."""

    def __init__(self, source: Path, folder: Path, cache_dir: Path | None, offline: bool) -> None:
        self.source = source
        self.images = folder / IMAGES
        self.fetched = folder / ".fetched"
        self._kept = cache_dir / "pictures" if cache_dir else self.fetched
        self._offline = offline
        self._vain: Counter[str] = Counter()
        self._answering: set[str] = set()

    def add(self, entry: tuple[str, str]) -> str:
        """Gets one item's picture; returns what is wrong with it, or nothing."""
        item, place = entry
        address = is_address(place)
        suffix = PurePosixPath(urlsplit(place).path if address else place).suffix.lower()
        name = f"{picture_name(item)}{suffix if suffix in PICTURE_SUFFIXES else PICTURE_SUFFIXES[0]}"
        if (self.images / name).is_file():
            return ""
        if address:
            digest = hashlib.sha256(place.encode()).hexdigest()
            path = self._kept / digest[:2] / digest
            fault = "" if path.is_file() else self._fetch(place, self.fetched / name, path)
        else:
            path = self.source / place
            fault = _fault(path)
        if not fault:
            _copy(path, self.images / name)
        return fault

    def _fetch(self, address: str, fetched: Path, kept: Path) -> str:
        """Fetches a picture, which is kept if it is one; returns what is wrong with it, or nothing."""
        if self._offline:
            return "a picture that was not fetched, since this is offline"
        lost = "a picture that could not be fetched"
        server = urlsplit(address).netloc
        if self._vain[server] >= HOPELESS and server not in self._answering:
            return lost
        try:
            download([address], fetched, expected=Expected(most=MAX_BYTES), patience=PATIENCE)
        except UnavailableError as error:
            # A plain no takes no time; only a server, or a resolver, that is waited for keeps the others waiting.
            self._vain[server] += any(sign in error.answers[0][1] for sign in ("given up after", "no such server"))
            return lost
        self._answering.add(server)
        fault = _fault(fetched)
        if not fault:
            _copy(fetched, kept)
        return fault


def _fault(path: Path) -> str:
    """What is wrong with a picture; empty if nothing."""
    try:
        load_picture(path)
    except DataError:
        return "a picture that cannot be read"
    return ""


def _copy(source: Path, target: Path) -> None:
    """Copies a file, whole or not at all, whoever else does the same."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{os.getpid()}-{get_ident()}.part")
    shutil.copyfile(source, aside)
    aside.replace(target)
