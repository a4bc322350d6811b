import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from brmrs_graph.data.encoders.items import item_pictures, item_texts, picture_name
from brmrs_graph.data.preparation import write_items
from brmrs_graph.data.raw import Report, Source, open_source

ITEMS = {"007": "Red dress, long", "7": "Grünes Hemd", "a/b": "", "..": 'Shoe "Oxford"', "plain": "Hat"}


@pytest.fixture
def source(tmp_path: Path) -> Source:
    folder = tmp_path / "shop"
    (folder / "photos").mkdir(parents=True)
    with (folder / "items.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["item_id", "title", "picture"])
        for number, (item, title) in enumerate(ITEMS.items()):
            Image.new("RGB", (2, 2), (number, 0, 0)).save(folder / "photos" / f"{number}.PNG")
            writer.writerow(
                [item, title, f"photos/{number}.PNG" if item != "plain" else "https://shop.example/hat.jpg"]
            )
    (folder / "sales.csv").write_text("user_id,item_id\nu,007\n")
    return open_source(folder, interactions=folder / "sales.csv", items=folder / "items.csv")


def test_texts_and_pictures_are_found_again_by_the_original_id(source: Source, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    ids = ["plain", "..", "a/b", "007", "not described"]
    found = write_items(source, ids, out, Report())
    assert (found.texts, found.pictures) == (3, 3)
    assert found.addresses == {"plain": "https://shop.example/hat.jpg"}
    assert item_texts(out, ids) == ["Hat.", 'Shoe "Oxford".', "", "Red dress, long.", ""]
    pictures = item_pictures(out, ids)
    assert [path is not None for path in pictures] == [False, True, True, True, False]
    colours = [Image.open(path).getpixel((0, 0))[0] for path in pictures if path]
    assert colours == [3, 2, 0]
    assert all(path.resolve().parent == out / "images" for path in pictures if path)
    assert not list(out.rglob("*.part"))


def test_items_that_are_not_wanted_leave_nothing(source: Source, tmp_path: Path) -> None:
    write_items(source, ["7"], tmp_path, Report())
    assert [row[0] for row in csv.reader((tmp_path / "items.csv").open())] == ["itemID", "7"]
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["7.png"]


def test_a_second_time_gives_the_same_files(source: Source, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    contents = []
    for _ in range(2):
        write_items(source, list(ITEMS), out, Report())
        contents.append({path: path.read_bytes() for path in out.rglob("*") if path.is_file()})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 1 + 4


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
