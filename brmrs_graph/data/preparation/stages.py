"""Work in stages: each one is done once, so that a run that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brmrs_graph.files import write_bytes
from brmrs_graph.lock import locked


@dataclass(frozen=True)
class Stage:
    """A finished stage.

    Args:
        folder: What it made.
        fingerprint: What it was made from, 64 hexadecimal digits.
        result: What it has to tell, as JSON holds it.
    """

    folder: Path
    fingerprint: str
    result: Any


class Workplace:
    """The folder beside a data set folder in which a new one grows.

    Every stage has a folder of its own, named by what it is made from, so that stages of other sources or options
    never meet, and a note that it is finished. A stage that was begun is done again in the same folder: it may use
    what it finds there, and must end with the same files whatever that is.

    In a ``with`` statement it belongs to one process, which a kill ends as well.

    Args:
        folder: The folder, made if absent.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held = ExitStack()
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Workplace:
        """Takes the folder.

        Raises:
            BusyError: If another process has it.
        """
        self._held.enter_context(locked(self.folder))
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves the folder to others."""
        self._held.close()

    def stage(self, name: str, basis: Any, make: Callable[[Path], Any]) -> Stage:
        """A stage, done now or before.

        Args:
            name: What it is called.
            basis: All that its files and its result follow from, in values that JSON can hold.
            make: Does it: gets the folder, returns the result, in values that JSON can hold.
        """
        fingerprint = hashlib.sha256(json.dumps([name, basis]).encode()).hexdigest()
        folder = self.folder / f"{name}-{fingerprint[:16]}"
        finished = self.folder / f"{folder.name}.json"
        if not finished.is_file():
            folder.mkdir(exist_ok=True)
            result = make(folder)
            for path in folder.iterdir():
                if path.is_file():
                    _flush(path)
            write_bytes(finished, json.dumps(result).encode())
        return Stage(folder, fingerprint, json.loads(finished.read_bytes()))

    @property
    def finished(self) -> bool:
        """Whether any stage is finished, and the work worth keeping."""
        return any(self.folder.glob("*.json"))

    def gather(self, stages: list[Stage]) -> Path:
        """A folder with the files of several stages, which keep theirs; hidden ones are left out."""
        whole = self.folder / "whole"
        shutil.rmtree(whole, ignore_errors=True)
        whole.mkdir()
        for stage in stages:
            for path in stage.folder.iterdir():
                if not path.name.startswith("."):
                    link(path, whole / path.name)
        return whole

    def remove(self) -> None:
        """Leaves nothing of it; killed on the way, no stage is said to be finished of which a part is gone."""
        for finished in self.folder.glob("*.json"):
            finished.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)


def _flush(path: Path) -> None:
    """Makes sure that a file is on the disk before it is said to be there."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def link(source: str | Path, target: str | Path) -> None:
    """Gives a file, or all files of a folder, a second name, or copies them where that does not work."""
    if Path(source).is_dir():
        shutil.copytree(source, target, copy_function=link)
        return
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)
