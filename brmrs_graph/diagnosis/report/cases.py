"""Case studies of the page: items with picture and text, margins and NDCG as bars."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from brmrs_graph.branches import FUSED
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.data.encoders.image import load_picture
from brmrs_graph.diagnosis.report.numbers import RATIO, Json
from brmrs_graph.errors import DataError
from brmrs_graph.texts import shortened, tidy


@dataclass(frozen=True)
class Card:
    """An item as it is shown.

    Args:
        id: Its original id.
        text: Its text, shortened; empty where there is none.
        picture: Its thumbnail as a data URI; empty where there is none.
        missing: What is said in place of the picture.
        hit: Whether it is a held-out item, where that matters.
    """

    id: str
    text: str
    picture: str
    missing: str = ""
    hit: bool = False


@dataclass(frozen=True)
class Bar:
    """A number as a bar.

    Args:
        text: The number in writing.
        width: Length in % of the longest possible one.
        positive: Whether it points to the right.
    """

    text: str
    width: float
    positive: bool = True


@dataclass(frozen=True)
class PairCase:
    """A liked item and its look-alike, see ``cases.pairs`` of a diagnosis."""

    user: str
    confused: str
    right: str
    outcome: str
    liked: Card
    lookalike: Card
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Bar, ...]], ...]
    summary: str


@dataclass(frozen=True)
class UserCase:
    """A user whom fusing hurts, see ``cases.users`` of a diagnosis."""

    user: str
    model: str
    best: str
    ndcg: tuple[tuple[str, Bar], ...]
    history: tuple[Card, ...]
    missed: tuple[Card, ...]
    top: tuple[Card, ...]


@dataclass
class Shelf:
    """Looks items up in a data set, and keeps the thumbnails that were made.

    Args:
        data: The data set; without it, items are shown by their id alone.
    """

    data: MultimodalDataset | None
    _thumbnails: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)

    def card(self, item: Json, side: int, characters: int, *, hit: bool = False) -> Card:
        """An item with a thumbnail of at most ``side`` pixels and a text of at most ``characters``."""
        data, index = self.data, int(item["index"])
        if data is None or not self._is_same(data, index, str(item["id"])):
            return Card(str(item["id"]), "", "", "item not at hand", hit)
        if (index, side) not in self._thumbnails:
            self._thumbnails[index, side] = thumbnail(data.pictures[index] if data.pictures else None, side)
        text = tidy(data.texts[index]) if data.texts else ""
        return Card(str(item["id"]), shortened(text, characters), *self._thumbnails[index, side], hit)

    @staticmethod
    def _is_same(data: MultimodalDataset, index: int, name: str) -> bool:
        ids = data.item_ids or [str(i) for i in range(data.num_items)]
        return 0 <= index < data.num_items and str(ids[index]) == name


def thumbnail(path: Path | None, side: int) -> tuple[str, str]:
    """A picture as a small JPEG.

    Args:
        path: The picture, None where there is none.
        side: Longest side, in pixels.

    Returns:
        A data URI and "", or "" and why there is none. A file that cannot be read is no error: the report of a
        diagnosis that took hours is not to fail for a picture.
    """
    if path is None:
        return "", "no picture"
    try:
        picture = load_picture(path)
    except DataError:
        return "", "picture cannot be read"
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=80, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}", ""


def pair_cases(diagnosis: Json, shelf: Shelf) -> list[PairCase]:
    """The item pairs; bars are on one scale over all of them."""
    pairs = diagnosis["cases"]["pairs"]
    sides = [side for case in pairs for side in (case["before"], case["after"]) if side]
    longest = max((abs(x) for side in sides for x in side["margins"].values()), default=0.0) or 1.0
    return [_pair_case(case, shelf, longest) for case in pairs]


def _pair_case(case: Json, shelf: Shelf, longest: float) -> PairCase:
    sides: Sequence[Mapping[str, Any]] = [side for side in (case["before"], case["after"]) if side]
    heads = ("before", "after") if len(sides) == 2 else ("",)
    branches = dict.fromkeys(name for side in sides for name in side["margins"])
    ordered = [case["confused"], case["right"], *(b for b in branches if b not in (case["confused"], case["right"]))]
    rows = tuple((name, tuple(_margin(side["margins"].get(name), longest) for side in sides)) for name in ordered)
    return PairCase(
        user=case["user"],
        confused=case["confused"],
        right=case["right"],
        outcome=case["outcome"],
        liked=shelf.card(case["liked"], 160, 220),
        lookalike=shelf.card(case["lookalike"], 160, 220),
        columns=tuple(f"{head}: {side['model']}".removeprefix(": ") for head, side in zip(heads, sides, strict=True)),
        rows=rows,
        summary=_summary(sides),
    )


def _summary(sides: Sequence[Mapping[str, Any]]) -> str:
    """What the fused score makes of the pair, in words."""
    parts = []
    for side in sides:
        x = side["margins"].get(FUSED)
        first = "none" if x is None else "the liked item" if x > 0 else "the look-alike" if x < 0 else "neither"
        parts.append(f"The fused score of \u201c{side['model']}\u201d puts {first} first")
    return ". ".join(parts) + "."


def _margin(x: float | None, longest: float) -> Bar:
    if x is None:
        return Bar("not measured", 0.0)
    return Bar(RATIO.number(x, signed=True), round(50 * abs(x) / longest, 1), x >= 0)


def user_cases(diagnosis: Json, shelf: Shelf) -> list[UserCase]:
    """The users whom fusing hurts."""
    cases = []
    for case in diagnosis["cases"]["users"]:
        longest = max((x or 0.0 for x in case["ndcg"].values()), default=0.0) or 1.0
        top = zip(case["top"], case["top_hits"], strict=True)
        cases.append(
            UserCase(
                user=case["user"],
                model=case["model"],
                best=case["best"],
                ndcg=tuple((name, Bar(f"{x:.3f}", round(100 * x / longest, 1))) for name, x in case["ndcg"].items()),
                history=tuple(shelf.card(item, 88, 60) for item in case["history"]),
                missed=tuple(shelf.card(item, 88, 60, hit=True) for item in case["missed"]),
                top=tuple(shelf.card(item, 88, 60, hit=hit) for item, hit in top),
            )
        )
    return cases
