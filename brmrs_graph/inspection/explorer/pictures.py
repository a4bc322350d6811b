"""Thumbnails of items, as many and as large as a budget allows."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from brmrs_graph.data.encoders.image import load_picture
from brmrs_graph.errors import DataError

SIDES = (160, 128, 96, 64)
"""Longest side of the thumbnails, in pixels: the largest with which all fit into the budget, else the smallest."""
_SAMPLE = 64
_QUALITY = 70


@dataclass(frozen=True)
class Thumbnails:
    """WebP pictures in base64, one behind the other.

    Args:
        text: All of them.
        ends: Where the picture of each item ends in ``text``, and that of the next one starts, int64, shape [N];
            an item without a picture takes no room.
        side: Longest side in pixels; 0 where there are none.
        left_out: Items whose picture was over the budget.
        unreadable: Items whose file cannot be read.
    """

    text: str
    ends: NDArray[np.int64]
    side: int = 0
    left_out: int = 0
    unreadable: int = 0


def thumbnails(pictures: Sequence[Path | None], budget: int, popularity: NDArray[np.int64]) -> Thumbnails:
    """Makes thumbnails; where not all fit, the most popular items keep theirs.

    A file that cannot be read is counted and left out: a page is not to fail for a picture.

    Args:
        pictures: File of every item, None where it has none.
        budget: Most characters of ``text``.
        popularity: Interactions of every item, shape [N].
    """
    there = [item for item in np.argsort(-popularity, kind="stable") if pictures[item] is not None]
    if not there:
        return Thumbnails("", np.zeros(len(pictures), dtype=np.int64))
    side = _side([pictures[item] for item in there], budget)
    made: dict[int, str] = {}
    room, unreadable, left_out = budget, 0, 0
    for item in there:
        text = thumbnail(pictures[item], side) if room else ""
        if text is None:
            unreadable += 1
        elif len(text) > room or not room:
            room, left_out = 0, left_out + 1
        else:
            made[item], room = text, room - len(text)
    lengths = [len(made.get(item, "")) for item in range(len(pictures))]
    return Thumbnails("".join(made[item] for item in sorted(made)), np.cumsum(lengths), side, left_out, unreadable)


def _side(pictures: Sequence[Path | None], budget: int) -> int:
    """The largest side with which all fit, judged by some at even distances."""
    sample = [pictures[at] for at in np.unique(np.linspace(0, len(pictures) - 1, _SAMPLE).astype(int))]
    for side in SIDES[:-1]:
        sizes = [len(text) for text in (thumbnail(path, side) for path in sample) if text is not None]
        if sizes and np.mean(sizes) * len(pictures) <= budget * 0.95:
            return side
    return SIDES[-1]


def thumbnail(path: Path | None, side: int) -> str | None:
    """A picture as WebP in base64, at most ``side`` pixels wide and high; None where it is missing or unreadable."""
    if path is None:
        return None
    try:
        picture = load_picture(path)
    except DataError:
        return None
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = BytesIO()
    picture.save(file, "WEBP", quality=_QUALITY, method=4)
    return base64.b64encode(file.getvalue()).decode()
