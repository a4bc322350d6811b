"""The page: self-contained, safe, well-formed, and complete in words."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from PIL import Image

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.report import page, write_report
from brmrs_graph.diagnosis.report.topics import TOPICS
from brmrs_graph.errors import BRMRSError
from tests.diagnosis.diagnoses import HOSTILE, make_diagnosis
from tests.diagnosis.pages import Page
from tests.diagnosis.test_report_cases import opened

THREE = ("visual", "textual", "acoustic")
Write = Callable[..., Page]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a page whose figures are empty, which takes a small part of the time, and reads it."""

    def save(figure: Figure, path: Path) -> tuple[Path, Path]:
        path.parent.mkdir(parents=True, exist_ok=True)
        png, svg = path.with_suffix(".png"), path.with_suffix(".svg")
        Image.new("L", (1, 1)).save(png)
        svg.touch()
        return png, svg

    topics = tuple(replace(topic, draws=topic.draws and (lambda _: Figure())) for topic in TOPICS)
    monkeypatch.setattr(page, "TOPICS", topics)
    monkeypatch.setattr(page, "save", save)

    def write(diagnosis: dict[str, Any], data: MultimodalDataset | None = None) -> Page:
        path = write_report(diagnosis, data, tmp_path / "new" / "report")
        assert path == tmp_path / "new" / "report" / "report.html"
        return Page(path.read_bytes().decode())

    return write


@pytest.fixture
def shop(toy: MultimodalDataset, tmp_path: Path) -> MultimodalDataset:
    """Six items as the made-up diagnoses have them: one with a large picture, one broken, the others without."""
    Image.new("RGB", (500, 400), "red").save(tmp_path / "large.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    pictures = [tmp_path / "large.png", tmp_path / "broken.png", *[None] * (toy.num_items - 2)]
    texts = [f"item {index} {'word ' * 100}" for index in range(toy.num_items)]
    return replace(toy, item_ids=[f"i{i}" for i in range(toy.num_items)], texts=texts, pictures=pictures)


def with_items(diagnosis: dict[str, Any], *indices: int) -> dict[str, Any]:
    """The diagnosis with given items in its case studies, in turn."""
    items = [{"id": f"i{index}", "index": index} for index in indices]
    for case in diagnosis["cases"]["pairs"]:
        case["liked"], case["lookalike"] = items[0], items[-1]
    for case in diagnosis["cases"]["users"]:
        for part in ("history", "missed", "top"):
            case[part] = [items[i % len(items)] for i in range(len(case[part]))]
    return diagnosis


def test_the_page_needs_nothing_but_itself(write: Write, shop: MultimodalDataset) -> None:
    found = write(with_items(make_diagnosis(2, text=HOSTILE), 0, 1), shop)
    assert found.values("src") and all(re.match("data:image/(png|jpeg);base64,", src) for src in found.values("src"))
    assert found.values("href") and all(href.startswith("#") for href in found.values("href"))
    assert not {"script", "link", "iframe", "object", "embed", "form", "base", "svg"} & {
        tag for tag, _ in found.elements
    }
    assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]
    style = "".join(text for path, text in found.texts if "style" in path) + "".join(found.values("style"))
    assert "{" in style and not re.search(r"url\(|@import|https?:", style)
    (policy,) = (meta["content"] for meta in found.of("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';") and "script-src" not in policy


@pytest.mark.parametrize("models", [1, 8])
def test_the_page_is_well_formed_whatever_people_write(write: Write, shop: MultimodalDataset, models: int) -> None:
    shop = replace(shop, texts=[HOSTILE] * shop.num_items)
    diagnosis = with_items(make_diagnosis(models, (HOSTILE, "b", "c"), text=HOSTILE, null=0.2), 0, 1, 2)
    for model in diagnosis["models"]:
        model |= {"title": HOSTILE, "options": {HOSTILE: HOSTILE}}
        model["partition"]["why_not"] = HOSTILE
    diagnosis["versions"] = {HOSTILE: HOSTILE}
    diagnosis["dataset"]["hash"] = HOSTILE
    found = write(diagnosis, shop)
    assert found.open == found.strayed == []
    assert "script" not in {tag for tag, _ in found.elements}
    assert "<script>alert('x')</script> & \"quoted\" $a_b$ {{ 7 * 7 }}" in found.text(), "shown as it was written"
    names = {name for _, attributes in found.elements for name in attributes}
    assert names <= {
        *("lang", "charset", "name", "content", "http-equiv", "class", "style", "id", "href", "src", "alt", "scope"),
        *("tabindex", "role", "aria-label", "aria-labelledby"),
    }
    assert not re.search("[\u202e\x07]", found.text() + "".join(found.values("alt")))


@pytest.mark.parametrize(
    "diagnosis",
    [make_diagnosis(1), make_diagnosis(3, THREE, null=0.3), make_diagnosis(2, null=1.0, planted=False)],
    ids=["one model", "three modalities", "nothing measured"],
)
def test_headings_anchors_and_labels(write: Write, diagnosis: dict[str, Any]) -> None:
    found = write(diagnosis)
    assert found.open == found.strayed == []
    levels = [level for level, _ in found.headings]
    assert levels[0] == 1 and levels.count(1) == 1 and 3 in levels
    assert all(below - level <= 1 for level, below in pairwise(levels))
    assert all(text.strip() for _, text in found.headings)
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    assert {href[1:] for href in found.values("href")} <= set(ids)
    assert set(found.values("aria-labelledby")) <= set(ids)
    listed = {href[1:] for href in found.values("href")} - {"contents"}
    assert listed == {attributes["id"] for attributes in found.of("h2")}
    assert all(image["alt"].strip() for image in found.of("img"))
    assert found.of("html") == [{"lang": "en"}]
    (title,) = (text for path, text in found.texts if path[-1:] == ("title",))
    assert title == f"Diagnosis of default on {diagnosis['dataset']['name']}"


def test_figures_are_in_the_page_and_their_alternative_names_the_models(write: Write) -> None:
    found = write(make_diagnosis(3))
    plots = [image for image in found.of("img") if image.get("class") == "plot"]
    assert len(plots) == sum(topic.draws is not None for topic in TOPICS) == 8
    assert all("default, bpr and dns" in image["alt"] for image in plots)


def test_synthetic_data_are_called_so(write: Write) -> None:
    diagnosis = make_diagnosis(1)
    warning = "The data are synthetic"
    assert warning in write(diagnosis).text("header")
    diagnosis["dataset"]["synthetic"] = False
    found = write(diagnosis)
    assert warning not in found.text() and "synthetic" not in found.text("dl")
    assert "synthetic" not in found.values("class")


def test_what_was_not_measured_is_said_and_is_no_number(write: Write) -> None:
    found = write(make_diagnosis(2, THREE, null=1.0))
    assert len(found.cells()) > 100 and set(found.cells()) == {"not measured"}
    assert "not measured" in found.text("h1")
    assert not re.search(r"\d\s?%|\bnan\b|\bNone\b", found.text("li"))


def test_all_readings_and_tables_are_in_the_page(write: Write) -> None:
    diagnosis = make_diagnosis(3, THREE)
    found = write(diagnosis)
    text = found.text()
    for topic in TOPICS:
        for heading, lines in topic.readings(diagnosis).items():
            assert (3, heading) in found.headings or not heading
            assert all(line in text for line in lines), "no line breaks before a unit"
        for table in topic.tabulates(diagnosis):
            assert table.caption in found.values("aria-label")
            for _, cells in table.rows:
                assert all(cell.value in text and cell.interval in text for cell in cells)
    assert diagnosis["command"] in found.text("pre")


def test_pictures_are_small_or_explained_in_words(write: Write, shop: MultimodalDataset) -> None:
    found = write(with_items(make_diagnosis(2), 0, 1, 2), shop)
    sizes = {opened(image["src"]).size for image in found.of("img") if image.get("class") != "plot"}
    assert sizes == {(160, 128), (88, 70)}
    said = found.text("article")
    assert "picture cannot be read" in said and "no picture" in said and "item not at hand" not in said


def test_texts_of_items_are_short(write: Write, shop: MultimodalDataset) -> None:
    found = write(with_items(make_diagnosis(2), 0, 1, 2), shop)
    shown = [text for path, text in found.texts if text.strip().startswith("item ") and "word" in text]
    assert shown and max(len(text.strip()) for text in shown) <= 221
    assert all(text.strip().endswith("\u2026") for text in shown)


@pytest.mark.parametrize("shop_is_the_same", [True, False])
def test_items_of_other_data_are_not_shown(write: Write, shop: MultimodalDataset, shop_is_the_same: bool) -> None:
    others = None if shop_is_the_same else replace(shop, item_ids=[f"x{i}" for i in range(shop.num_items)])
    found = write(with_items(make_diagnosis(2), 0, 2), others)
    assert "item not at hand" in found.text("article") and "word" not in found.text("article")
    assert {image.get("class") for image in found.of("img")} == {"plot"}
    assert "i0" in found.text("article"), "their ids are known all the same"


def test_parts_that_no_model_has_are_said_to_be_not_measured_or_left_out(write: Write, tmp_path: Path) -> None:
    diagnosis = make_diagnosis(1, planted=False)
    diagnosis |= {"cases": {"pairs": [], "users": []}, "differences": []}
    parts = {"complementarity": [], "margins": [], "information": [], "by_user_degree": {}, "by_item_degree": {}}
    diagnosis["models"][0] |= parts
    found = write(diagnosis)
    ids = set(found.values("id"))
    assert {"recall", "complementarity", "margins", "information", "degree", "glossary"} <= ids
    assert not {"pairs", "users", "types", "differences"} & ids and found.of("article") == []
    for words in ("Look-alikes were", "Margins were", "Information was", "Nothing was"):
        assert re.search(f"{words}( not)? measured", found.text("li"))
    drawn = {path.stem for path in (tmp_path / "new" / "report" / "figures").iterdir()}
    assert drawn == {"recall", "partition", "degeneration"}


def test_a_diagnosis_of_another_version_is_refused(tmp_path: Path) -> None:
    for other in (make_diagnosis(1) | {"version": 1}, {}):
        with pytest.raises(BRMRSError, match=r"version 2 is needed.*make it anew"):
            write_report(other, None, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_case_studies_say_what_they_show(write: Write) -> None:
    diagnosis = make_diagnosis(2)
    diagnosis["cases"]["users"][0]["missed"] = []
    found = write(diagnosis)
    assert len(found.of("article")) == len(diagnosis["cases"]["pairs"]) + len(diagnosis["cases"]["users"])
    headings = [text for level, text in found.headings if level == 3]
    assert any(text.startswith("User u: visual confuses, textual separates") for text in headings)
    assert "User u1: textual by itself ranks better" in headings
    assert "None: both find the same items" in found.text("article")
    assert found.text("article").count("held out ") == 2, "one hit a user among the first five"


def test_writing_leaves_other_files_alone_and_replaces_its_own(write: Write, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    (folder / "figures").mkdir(parents=True)
    for name in ("diagnosis.json", "figures/mine.png", "report.html"):
        (folder / name).write_text("old")
    write(make_diagnosis(1))
    assert [(folder / name).read_text() for name in ("diagnosis.json", "figures/mine.png")] == ["old", "old"]
    assert (folder / "report.html").stat().st_size > 10_000


def test_the_same_diagnosis_gives_the_same_bytes(tmp_path: Path, shop: MultimodalDataset) -> None:
    diagnosis = with_items(make_diagnosis(1), 0, 1, 2)
    for name in ("a", "b"):
        write_report(diagnosis, shop, tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    names = {f"figures/{topic.name}.{kind}" for topic in TOPICS if topic.draws for kind in ("png", "svg")}
    assert {str(file) for file in files} == {"report.html", *names}
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file
