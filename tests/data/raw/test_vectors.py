from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from brmrs_graph.data.raw import Report, open_source
from brmrs_graph.errors import DataError
from tests.data.raw.written import ITEMS, WRITERS, image_features, json_lines, packed


def vectors(folder: Path, wanted: set[str], report: Report | None = None) -> dict[str, np.ndarray]:
    (source,) = open_source(folder).vectors.values()
    return {
        item: x
        for items, block in source.read(wanted, report or Report())
        for item, x in zip(items, block, strict=True)
    }


def test_only_wanted_image_features_are_kept_and_the_first_of_each(tmp_path: Path) -> None:
    packed(tmp_path / "X_5.json", json_lines([{"reviewerID": "a", "asin": "1"}]))
    many = image_features([f"{k:010d}" for k in range(600)])
    strange = np.full(4096, np.nan, dtype="<f4").tobytes()
    again = b"0000000599" + np.full(4096, 7, dtype="<f4").tobytes()
    packed(tmp_path / "image_features_X.b", many + b"0000000700" + strange + again + b"\xff" * 10 + strange)
    report = Report()
    found = vectors(tmp_path, {"0000000000", "0000000599", "0000000700", "missing"}, report)
    assert {item: (x.dtype, x[0], x[-1]) for item, x in found.items()} == {
        "0000000000": (np.float32, 1, 1),
        "0000000599": (np.float32, 600, 600),
    }
    assert report.summary() == [
        "image_features_X.b: 1 × NaN or infinite values; the item has no vector (record 601)",
        "image_features_X.b: 1 × without an ASIN (record 603)",
    ]


@pytest.mark.parametrize("name", ["image_features_X.b", "image_features_X.b.gz"])
def test_image_features_of_the_wrong_size(tmp_path: Path, name: str) -> None:
    packed(tmp_path / "X_5.json", json_lines([{"reviewerID": "a", "asin": "1"}]))
    packed(tmp_path / name, image_features(ITEMS[:3])[:-5])
    with pytest.raises(DataError, match=r"is cut off.*16,389 bytes are left after 2 records of 16,394 bytes"):
        vectors(tmp_path, set(ITEMS))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "cannot be read as a NumPy array"),
        (lambda path: np.save(path, np.ones((23, 2))), "has 23 rows, and none for item '23'"),
        (lambda path: np.save(path, np.ones(24)), r"of shape \(24,\)"),
        (lambda path: np.save(path, np.array([["a"]])), "expected real numbers"),
        (lambda path: np.save(path, np.array([[{}]]), allow_pickle=True), "cannot be read as a NumPy array"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, change: Callable[[Path], None], message: str) -> None:
    folder = WRITERS["mmrec"][1](tmp_path)
    (folder / "text_feat.npy").unlink()
    change(folder / "image_feat.npy")
    with pytest.raises(DataError, match=message):
        vectors(folder, {str(row) for row in range(24)})


def test_broken_rows_of_arrays_are_counted_from_0_like_items(tmp_path: Path) -> None:
    folder = WRITERS["mmrec"][1](tmp_path)
    (folder / "text_feat.npy").unlink()
    x = np.ones((24, 2))
    x[[0, 7]] = np.nan
    np.save(folder / "image_feat.npy", x)
    report = Report()
    assert "7" not in vectors(folder, {str(row) for row in range(24)}, report)
    reason = "NaN or infinite values; the item has no vector"
    assert report.summary() == [f"image_feat.npy: 2 × {reason} (rows 0, 7, counted from 0)"]


def test_arrays_with_another_number_of_rows_than_items_csv(tmp_path: Path) -> None:
    packed(tmp_path / "shop.inter", b"userID\titemID\na\tz\n")
    packed(tmp_path / "items.csv", b"itemID,name\nz,Z\ny,Y\n")
    np.save(tmp_path / "text_feat.npy", np.ones((3, 1)))
    with pytest.raises(DataError, match="has 3 rows for 2 items"):
        vectors(tmp_path, {"z"})
