"""Case studies: items with picture and text, margins and NDCG as bars."""

import base64
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.report.cases import (
    Bar,
    Card,
    Shelf,
    pair_cases,
    thumbnail,
    user_cases,
)
from tests.diagnosis.diagnoses import make_diagnosis


def opened(uri: str) -> Image.Image:
    """The picture in a data URI."""
    head, _, body = uri.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(BytesIO(base64.b64decode(body)))


def pair(before: dict[str, float] | None, after: dict[str, float], *more: dict[str, float]) -> dict[str, Any]:
    """A diagnosis with item pairs of given margins; the first has a model before."""
    diagnosis = make_diagnosis(2)
    case = diagnosis["cases"]["pairs"][0] | {
        "before": None if before is None else {"model": "bpr", "margins": before},
        "after": {"model": "default", "margins": after},
    }
    others = [case | {"before": None, "after": {"model": "default", "margins": margins}} for margins in more]
    diagnosis["cases"]["pairs"] = [case, *others]
    return diagnosis


def test_margins_before_and_after_as_bars_on_one_scale() -> None:
    before, after = {"fused": -0.5, "visual": -1.0, "textual": 0.25}, {"textual": 2.0, "visual": 0.0, "fused": 1.0}
    case, other = pair_cases(pair(before, after, {"visual": -4.0, "textual": 1.0, "fused": -0.004}), Shelf(None))
    assert case.columns == ("before: bpr", "after: default")
    assert case.rows == (
        ("visual", (Bar("\u22121.00", 12.5, False), Bar("0.00", 0.0, True))),
        ("textual", (Bar("+0.25", 3.1, True), Bar("+2.00", 25.0, True))),
        ("fused", (Bar("\u22120.50", 6.2, False), Bar("+1.00", 12.5, True))),
    )
    assert case.summary == (
        "The fused score of \u201cbpr\u201d puts the look-alike first. "
        "The fused score of \u201cdefault\u201d puts the liked item first."
    )
    assert other.columns == ("default",)
    assert other.rows[0] == ("visual", (Bar("\u22124.00", 50.0, False),)), "the longest bar takes its half"
    assert other.rows[2] == ("fused", (Bar("0.00", 0.1, False),))
    assert other.summary == "The fused score of \u201cdefault\u201d puts the look-alike first."


def test_margins_that_a_model_has_not() -> None:
    (case,) = pair_cases(
        pair({"visual": 0.0, "textual": 0.0}, {"visual": 1.0, "acoustic": 2.0, "fused": 0.0}), Shelf(None)
    )
    assert [name for name, _ in case.rows] == ["visual", "textual", "acoustic", "fused"]
    rows = dict(case.rows)
    assert rows["textual"][1] == rows["acoustic"][0] == rows["fused"][0] == Bar("not measured", 0.0)
    assert case.summary == (
        "The fused score of \u201cbpr\u201d puts none first. The fused score of \u201cdefault\u201d puts neither first."
    )
    assert all(
        bar.width == 0 for _, bars in pair_cases(pair(None, {"visual": 0.0}), Shelf(None))[0].rows for bar in bars
    )


def test_users_with_their_ndcg_and_hits() -> None:
    diagnosis = make_diagnosis(1)
    diagnosis["cases"]["users"] = diagnosis["cases"]["users"][:1]
    user = diagnosis["cases"]["users"][0]
    user["ndcg"] = {"visual": 0.4, "textual": 0.1, "fused": 0.0}
    (case,) = user_cases(diagnosis, Shelf(None))
    assert case.ndcg == (("visual", Bar("0.400", 100.0)), ("textual", Bar("0.100", 25.0)), ("fused", Bar("0.000", 0.0)))
    assert [card.hit for card in case.top] == user["top_hits"] == [False, True, False, False, False]
    assert len(case.history) == 8 and [card.id for card in case.missed] == [item["id"] for item in user["missed"]]
    user["ndcg"] = {"visual": 0.0, "fused": 0.0}
    assert user_cases(diagnosis, Shelf(None))[0].ndcg[0] == ("visual", Bar("0.000", 0.0))


def test_an_item_is_looked_up_by_its_id_and_index(toy: MultimodalDataset, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), "red").save(tmp_path / "a.png")
    names = [f"i{index}" for index in range(toy.num_items)]
    data = replace(toy, item_ids=names, texts=[f"text of {name}" for name in names])
    data = replace(data, pictures=[tmp_path / "a.png", *[None] * (toy.num_items - 1)])
    shelf = Shelf(data)
    card = shelf.card({"id": "i0", "index": 0}, 160, 220, hit=True)
    assert (card.id, card.text, card.missing, card.hit) == ("i0", "text of i0", "", True)
    assert opened(card.picture).size == (40, 30)
    assert shelf.card({"id": "i1", "index": 1}, 160, 220) == Card("i1", "text of i1", "", "no picture")
    for stranger in ({"id": "i2", "index": 1}, {"id": "i0", "index": -18}, {"id": "i99", "index": 99}):
        assert shelf.card(stranger, 160, 220) == Card(stranger["id"], "", "", "item not at hand"), (
            "these are other data"
        )
    assert Shelf(toy).card({"id": "3", "index": 3}, 88, 60) == Card("3", "", "", "no picture")
    assert Shelf(None).card({"id": "3", "index": 3}, 88, 60) == Card("3", "", "", "item not at hand")


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (3000, 1), (160, 160), (20, 10)])
def test_thumbnails_fit_and_keep_their_proportions(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size, "green").save(tmp_path / "a.png")
    uri, missing = thumbnail(tmp_path / "a.png", 160)
    found = opened(uri).size
    assert missing == "" and max(found) == min(160, max(size))
    assert found == pytest.approx([max(1, side * min(1, 160 / max(size))) for side in size], abs=0.51)
    assert opened(thumbnail(tmp_path / "a.png", 8)[0]).size[0] <= 8


def test_transparent_and_broken_pictures(tmp_path: Path) -> None:
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert min(opened(thumbnail(tmp_path / "clear.png", 88)[0]).convert("L").tobytes()) > 250, "shown on white"
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    (tmp_path / "empty.jpg").touch()
    for name in ("broken.jpg", "empty.jpg", "absent.jpg"):
        assert thumbnail(tmp_path / name, 88) == ("", "picture cannot be read")
    assert thumbnail(None, 88) == ("", "no picture")
