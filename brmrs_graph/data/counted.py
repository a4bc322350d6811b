"""Numbers with the words that they go with."""

from __future__ import annotations


def counted(number: int, one: str, several: str = "") -> str:
    """A number of things: ``1 item``, ``2 items``, ``1,000 items``.

    Args:
        number: How many.
        one: What follows if it is one, such as ``item is cold``.
        several: What follows if it is not (default: the same with an s), such as ``items are cold``.
    """
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
