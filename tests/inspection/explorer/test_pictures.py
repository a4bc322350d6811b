import base64
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brmrs_graph.inspection.explorer.pictures import SIDES, thumbnail, thumbnails


@pytest.fixture
def pictures(tmp_path: Path, rng: np.random.Generator) -> list[Path | None]:
    """Six noisy pictures, one item without."""
    paths: list[Path | None] = []
    for item in range(6):
        path = tmp_path / f"{item}.png"
        Image.fromarray(rng.integers(0, 255, (200, 100, 3), dtype=np.uint8)).save(path)
        paths.append(path)
    paths[2] = None
    return paths


POPULARITY = np.array([1, 5, 0, 2, 9, 3])


def cut(text: str, ends: np.ndarray) -> list[str]:
    return [text[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def test_every_picture_is_there_and_has_the_largest_side(pictures: list[Path | None]) -> None:
    made = thumbnails(pictures, 1_000_000, POPULARITY)
    parts = cut(made.text, made.ends)
    assert [bool(part) for part in parts] == [path is not None for path in pictures]
    shown = Image.open(BytesIO(base64.b64decode(parts[5])))
    assert (shown.format, shown.size, made.side, made.left_out) == ("WEBP", (SIDES[0] // 2, SIDES[0]), SIDES[0], 0)


def test_pictures_become_smaller_before_any_is_left_out(pictures: list[Path | None]) -> None:
    most = len(thumbnails(pictures, 1_000_000, POPULARITY).text)
    made = thumbnails(pictures, most // 2, POPULARITY)
    assert SIDES[-1] < made.side < SIDES[0] and made.left_out == 0 and len(made.text) <= most // 2


def test_the_budget_holds_and_the_most_popular_items_keep_theirs(pictures: list[Path | None]) -> None:
    budget = sum(len(thumbnail(pictures[item], SIDES[-1]) or "") for item in (4, 1))
    made = thumbnails(pictures, budget, POPULARITY)
    assert [item for item, part in enumerate(cut(made.text, made.ends)) if part] == [1, 4]
    assert (made.side, made.left_out, len(made.text)) == (SIDES[-1], 3, budget)


def test_a_file_that_cannot_be_read_is_counted(pictures: list[Path | None], tmp_path: Path) -> None:
    (tmp_path / "4.png").write_text("no picture")
    made = thumbnails(pictures, 1_000_000, POPULARITY)
    assert made.unreadable == 1 and cut(made.text, made.ends)[4] == ""


def test_without_pictures_there_is_nothing() -> None:
    made = thumbnails([None, None], 1000, np.array([1, 2]))
    assert (made.text, made.ends.tolist(), made.side) == ("", [0, 0], 0)
