"""A folder that one process uses at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from brmrs_graph.errors import DataError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder, so that no other process takes it; the end of this process, or a kill, frees it.

    Args:
        folder: The folder, made if absent. Whoever holds it may remove it.

    Raises:
        DataError: If another process has it.
    """
    if sys.platform == "win32":  # where a folder has no lock
        folder.mkdir(parents=True, exist_ok=True)
        yield
        return
    while not _is(folder, held := _hold(folder)):  # whoever had it until now has removed it
        os.close(held)
    try:
        yield
    finally:
        os.close(held)


def _hold(folder: Path) -> int:
    """Locks a folder; returns what it is open as."""
    import fcntl

    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(held)
        raise DataError(f"another process works in {folder}; run this again when it is done") from error
    except OSError:  # a file system without locks
        pass
    return held


def _is(folder: Path, held: int) -> bool:
    """Whether an open folder still has its name."""
    return folder.is_dir() and os.path.samestat(folder.stat(), os.fstat(held))
