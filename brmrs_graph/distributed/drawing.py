"""Random rows that all ranks draw alike, each keeping its own."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def own_rows(draw: Callable[[int], Tensor], size: int, own: range, block: int) -> Tensor:
    """This rank's rows of what one process draws, from the same random numbers.

    All rows are drawn, so that what is drawn later is the same, too; a block of them at a time, so that only the own
    ones are kept.

    Args:
        draw: Draws so many rows, the next ones.
        size: Number of rows, of all ranks together.
        own: The rows of this rank.
        block: Rows drawn at once.
    """
    none = draw(0)
    kept = none.new_empty(len(own), *none.shape[1:])
    for start in range(0, size, block):
        drawn = draw(min(block, size - start))
        left, right = max(start, own.start), min(start + len(drawn), own.stop)
        if left < right:
            kept[left - own.start : right - own.start] = drawn[left - start : right - start]
    return kept
