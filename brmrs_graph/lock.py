"""A folder that one process uses at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from brmrs_graph.errors import BusyError


@contextmanager
def locked(folder: Path, on_wait: Callable[[], object] | None = None) -> Iterator[None]:
    """Holds a folder, so that no other process takes it; the end of this process, or a kill, frees it.

    Args:
        folder: The folder, made if absent. Whoever holds it may remove it.
        on_wait: Called if another process has the folder, which is then waited for.

    Raises:
        BusyError: If another process has it, and ``on_wait`` is not given.
    """
    if sys.platform == "win32":  # where a folder has no lock
        folder.mkdir(parents=True, exist_ok=True)
        yield
        return
    while not _is(folder, held := _hold(folder, on_wait)):  # whoever had it until now has removed it
        os.close(held)
    try:
        yield
    finally:
        os.close(held)


def _hold(folder: Path, on_wait: Callable[[], object] | None) -> int:
    """Locks a folder; returns what it is open as."""
    held = _open(folder)
    try:
        _lock(folder, held, on_wait)
    except BaseException:  # Ctrl-C while it waits, too
        os.close(held)
        raise
    return held


def _open(folder: Path) -> int:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # whoever had it has just removed it
            return os.open(folder, os.O_RDONLY)


def _lock(folder: Path, held: int, on_wait: Callable[[], object] | None) -> None:
    import fcntl

    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        if on_wait is None:
            raise BusyError(f"another process works in {folder}; run this again when it is done") from error
        on_wait()
        fcntl.flock(held, fcntl.LOCK_EX)
    except OSError:  # a file system without locks
        pass


def _is(folder: Path, held: int) -> bool:
    """Whether an open folder still has its name."""
    try:
        return os.path.samestat(folder.stat(), os.fstat(held))
    except FileNotFoundError:
        return False
