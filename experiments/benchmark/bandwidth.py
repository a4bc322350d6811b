"""How fast memory is, and how many bytes a sparse product has to move: what bounds its time from below."""

from __future__ import annotations

from collections.abc import Callable

import torch


class Bandwidth:
    """Measures how fast memory is, by the two kernels of the STREAM benchmark (McCalpin, 1995) that matter here.

    Bytes count once for each array that is read or written, as there. Where the processor reads a cache line before it
    overwrites it, it moves more than that.

    Args:
        elements: Elements of each of three float32 arrays; they should be far larger than the caches.
        now: The clock.
    """

    def __init__(self, elements: int, now: Callable[[], float]) -> None:
        self.now = now
        self.a, self.b, self.c = (torch.full((elements,), float(value)) for value in range(3))

    def copy(self) -> float:
        """Bytes a second of a = b."""
        start = self.now()
        self.a.copy_(self.b)
        return 2 * self.a.nbytes / (self.now() - start)

    def triad(self) -> float:
        """Bytes a second of a = b + 3 c."""
        start = self.now()
        torch.add(self.b, self.c, alpha=3, out=self.a)
        return 3 * self.a.nbytes / (self.now() - start)


def compulsory_bytes(rows: int, cols: int, edges: int, dim: int) -> int:
    """Bytes that a product ``graph @ x`` moves if every array moves once: a cache would have to hold all of x.

    Read are the row pointers, the indices and the weights (4 bytes each) and x (``cols`` x ``dim`` floats); y
    (``rows`` x ``dim``) is written.
    """
    return 4 * (rows + 1) + 8 * edges + 4 * dim * (cols + rows)


def gather_bytes(rows: int, edges: int, dim: int) -> int:
    """Bytes that a product ``graph @ x`` moves if every edge fetches its row of x from memory: no cache at all."""
    return 4 * (rows + 1) + 8 * edges + 4 * dim * (edges + rows)
