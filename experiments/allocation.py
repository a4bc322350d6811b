"""How the C library handles freed memory while a model is trained."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt, see malloc.h
_LARGEST_MMAP_THRESHOLD = 32 << 20
_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Lets this process keep the memory of freed tensors for the next ones, instead of giving it back to the system.

    A training step makes and frees some dozens of tensors of 10 to 20 MB, and every page that comes anew from the
    system is filled with zeros first: at the size of Amazon Clothing 9,700 pages a step, a third of its time (see
    docs/speed.md). Blocks over 32 MiB are still given back.

    Returns:
        Whether the C library can (glibc can).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)) and bool(mallopt(_TRIM_THRESHOLD, _NEVER))
