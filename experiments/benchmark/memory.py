"""The memory of this process, as Linux counts it."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc/self")


@dataclass
class Peak:
    """Memory in GiB, all of it resident; None where the system does not say.

    Attributes:
        before: When the block began.
        highest: The highest while it ran; None until it ends.
    """

    before: float | None
    highest: float | None = None

    @property
    def growth(self) -> float | None:
        """The highest less what was there before."""
        return None if self.before is None or self.highest is None else self.highest - self.before


@contextmanager
def peak() -> Iterator[Peak]:
    """Finds the highest memory while a block runs; not to be nested, since the system keeps one peak.

    What is free is given back to the system first, or the block could use it without being seen to.
    """
    if not forget_peak():
        yield Peak(None)
        return
    found = Peak(_gib("VmRSS"))
    yield found
    found.highest = highest()


def forget_peak() -> bool:
    """Gives back what is free, and makes what is resident now the highest memory; whether the system can."""
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # of glibc
        trim(0)
    try:
        (_PROC / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def highest() -> float:
    """The highest memory since :func:`forget_peak`, in GiB; of Linux."""
    return _gib("VmHWM")


def available() -> float:
    """Memory in GiB that can be had without swapping; infinite where the system does not say."""
    info = Path("/proc/meminfo")
    if not info.is_file():
        return float("inf")
    return _field(info, "MemAvailable")


def _gib(name: str) -> float:
    return _field(_PROC / "status", name)


def _field(path: Path, name: str) -> float:
    line = next(line for line in path.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 2**20
