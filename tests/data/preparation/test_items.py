import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.data.encoders.items import item_texts, picture_name
from brmrs_graph.data.ids import read_list
from brmrs_graph.data.preparation import ItemContent, collect_items
from brmrs_graph.data.raw import Report, Source, open_source
from brmrs_graph.errors import DataError

ROWS = [
    ("007", "Red dress, long", "dress", "a.jpg"),
    ("7", "Grünes Hemd", "shirt", ""),
    ("a/b", "", "", "https://shop.example/ab.jpg"),
    ("..", 'Shoe "Oxford"', "shoe", "b.jpg"),
]


def source_of(folder: Path, rows: Sequence[Sequence[str]] = ROWS) -> Source:
    folder.mkdir()
    with (folder / "items.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("item_id", "title", "type", "picture"), *rows])
    (folder / "sales.csv").write_text("user_id,item_id\nu,007\n")
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(b"jpg")
    return open_source(folder, interactions=folder / "sales.csv", items=folder / "items.csv")


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return source_of(tmp_path / "shop")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def test_items_stand_in_the_order_of_the_catalogue_before_those_that_it_does_not_know(
    source: Source, out: Path
) -> None:
    found = collect_items(source, ["new", "..", "a/b", "007"], out, Report())
    assert found == ItemContent(
        item_ids=["007", "a/b", "..", "new"],
        fields=["title", "type"],
        fields_left_out=[],
        texts=2,
        unknown=1,
        unseen=1,
        pictures={"007": "a.jpg", "a/b": "https://shop.example/ab.jpg", "..": "b.jpg"},
    )
    assert read_list(out, "itemID") == found.item_ids
    assert item_texts(out, found.item_ids) == ["Red dress, long. dress.", "", 'Shoe "Oxford". shoe.', ""]


def test_fields_are_chosen_and_ordered(source: Source, out: Path) -> None:
    found = collect_items(source, ["7", "007"], out, Report(), fields=["type", "title", "type"])
    assert found.fields == ["type", "title"] and found.fields_left_out == []
    assert item_texts(out, found.item_ids) == ["dress. Red dress, long.", "shirt. Grünes Hemd."]
    assert collect_items(source, ["7"], out, Report(), fields=["type"]).fields_left_out == ["title"]


def test_a_field_that_is_not_there_is_named(source: Source, out: Path) -> None:
    with pytest.raises(DataError, match="no text field colour \\(there are: title, type\\)"):
        collect_items(source, ["7"], out, Report(), fields=["title", "colour"])


def test_items_without_interactions_are_kept_if_asked_for(source: Source, out: Path) -> None:
    found = collect_items(source, ["7"], out, Report(), unseen=True)
    assert (found.item_ids, found.unseen) == (["007", "7", "a/b", ".."], 3)


def test_numbers_from_zero_are_put_in_their_order(tmp_path: Path, out: Path) -> None:
    source = source_of(tmp_path / "shop", [("2", "two", "", ""), ("0", "zero", "", "")])
    found = collect_items(source, ["1", "0", "2"], out, Report())
    assert found.item_ids == ["0", "1", "2"]
    assert item_texts(out, found.item_ids) == ["zero.", "", "two."]


def test_without_a_catalogue_items_stand_as_they_were_met(tmp_path: Path, out: Path) -> None:
    (tmp_path / "sales.csv").write_text("user_id,item_id\nu,007\n")
    found = collect_items(open_source(tmp_path), ["b", "NA", "a,c"], out, Report())
    assert (found.item_ids, found.fields, found.texts, found.unknown) == (["b", "NA", "a,c"], [], 0, 3)
    assert (out / "items.csv").read_text() == 'itemID\nb\nNA\n"a,c"\n'


@pytest.mark.parametrize(
    ("rows", "sold", "expected"),
    [
        (6, "0124", ["0", "1", "2", "3", "4", "5"]),  # a row is an item
        (0, "0124", ["0", "1", "2", "3", "4"]),  # without arrays the largest number is the last item
        (3, "ba", ["b", "a"]),  # names have no gaps
        (0, ["0", "9999999999"], ["0", "9999999999"]),  # nor have numbers that count nothing
    ],
)
def test_numbered_items_without_interactions_are_kept_where_nothing_lists_them(
    tmp_path: Path, out: Path, rows: int, sold: Sequence[str], expected: list[str]
) -> None:
    (tmp_path / "shop.inter").write_text("\n".join(["userID\titemID", *(f"u\t{item}" for item in sold)]) + "\n")
    if rows:
        np.save(tmp_path / "image_feat.npy", np.ones((rows, 2)))
    source = open_source(tmp_path)
    found = collect_items(source, list(sold), out, Report(), unseen=True)
    assert (found.item_ids, found.unseen) == (expected, len(expected) - len(sold))
    assert read_list(out, "itemID") == expected
    assert collect_items(source, list(sold), out, Report()).item_ids == list(sold)


@given(st.text(min_size=1, max_size=600).filter(lambda text: text.isprintable()))
def test_every_id_has_a_name_of_its_own_inside_the_folder(item: str) -> None:
    name = picture_name(item)
    assert len(f"{name}.jpeg".encode()) <= 255
    assert "/" not in name
    assert "\\" not in name
    assert not name.startswith(".")
    assert Path(f"{name}.jpg").stem == name


@pytest.mark.parametrize("item", ["B000123456", "0108775", "a b", "x(1)", "v1.2"])
def test_usual_ids_are_their_own_names(item: str) -> None:
    assert picture_name(item) == item


def test_a_catalogue_of_other_items_is_refused(source: Source, out: Path) -> None:
    with pytest.raises(DataError, match=r"items.csv: none of the 2 items with interactions \(the first is '7.0'\)"):
        collect_items(source, ["7.0", "8.0"], out, Report())


def test_a_text_is_cut_to_what_can_be_read_back_and_that_is_counted(tmp_path: Path, out: Path) -> None:
    (tmp_path / "sales.csv").write_text("user_id,item_id\nu,7\n")
    (tmp_path / "things.jsonl").write_text(json.dumps({"item_id": "7", "title": "red " * 50_000}) + "\n")
    source, report = open_source(tmp_path), Report()
    collect_items(source, ["7"], out, report)
    assert item_texts(out, ["7"])[0].startswith("red red") and "things.jsonl: 1 × a text cut" in report.summary()[0]
