"""The page in a real browser: opened from the disk, searched, clicked through, and used by keyboard alone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.graphs import SparseGraph, knn_graph
from brmrs_graph.inspection import ItemGraphs
from brmrs_graph.inspection.explorer import ExplorerConfig, payload, write_explorer
from brmrs_graph.models import create_model

from ...conftest import MakeData
from . import chromium

K = 5
WAIT_MS = 60_000  # for a machine that is busy with other things; nothing here is about speed


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium.running() as started:
        yield started


@pytest.fixture(scope="module")
def told(data: MultimodalDataset, tmp_path_factory: pytest.TempPathFactory) -> MultimodalDataset:
    """The data set with texts, and pictures of some items; one title has diacritics, one is markup."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    pictures: list[Path | None] = [None] * data.num_items
    for item in range(0, data.num_items, 2):
        pictures[item] = path = folder / f"{item}.png"
        Image.fromarray(rng.integers(0, 255, (30, 20, 3), dtype=np.uint8)).save(path)
    texts = [f"Garment number {item:02d}. Made of cloth{item % 7}." for item in range(data.num_items)]
    texts[7] = "Pelerína Žižkov. Straße und Smørrebrød."
    texts[8] = "<img src=x onerror=alert(1)> & co. <b>bold</b>"
    return replace(data, texts=texts, pictures=pictures)


@pytest.fixture(scope="module")
def path(told: MultimodalDataset, branches: Branches, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = ExplorerConfig(neighbors=K, top=7)
    return write_explorer(told, branches, tmp_path_factory.mktemp("page") / "explorer.html", title="t", config=config)


@pytest.fixture
def page(browser: Any, path: Path) -> Iterator[Any]:
    """The page as it opens; at the end nothing may have been complained about."""
    with opened(browser, path, {"width": 1200, "height": 900}) as page:
        yield page


class opened:  # noqa: N801
    """Opens the page, and checks in the end that the console is empty."""

    def __init__(self, browser: Any, path: Path, viewport: dict[str, int], **options: Any) -> None:
        self.context = browser.new_context(viewport=viewport, offline=True, **options)
        self.path = path
        self.complaints: list[str] = []

    def __enter__(self) -> Any:
        page = self.context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(self.path.as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    def __exit__(self, *_: object) -> None:
        self.context.close()
        assert not self.complaints


def until(page: Any, expression: str, argument: Any = None) -> None:
    """Waits for something to be true. (The page's policy forbids what playwright has for that: it evaluates text.)"""
    for _ in range(WAIT_MS // 20):
        if page.evaluate(expression, argument):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never came true: {expression}, {argument}")


def titles(page: Any, within: str) -> list[str]:
    return list(page.locator(f"{within} .title").all_text_contents())


def test_search_knows_no_diacritics_and_orders_by_where_the_words_are(page: Any) -> None:
    page.select_option("#source", "items")
    for query, first in (
        ("zizkov pelerina", "Pelerína Žižkov"),
        ("STRASSE smorre", "Pelerína Žižkov"),
        ("15", "Garment number 15"),
        ("onerror", "<img src=x onerror=alert(1)> & co"),
    ):
        page.fill("#search", query)
        until(page, "words => document.querySelector('#results .title')?.textContent === words", first)
    page.fill("#search", "cloth3")
    until(page, "document.querySelector('#count').textContent.startsWith('6 matches of 40')")
    page.fill("#search", "nothing has this")
    until(page, "document.querySelector('#count').textContent.startsWith('0 matches')")


def test_neighbours_are_those_of_the_graphs_and_lead_on(page: Any, told: MultimodalDataset, branches: Branches) -> None:
    page.evaluate("location.hash = 'item=12&branch=fused'")
    page.wait_for_selector("h2:has-text('Garment number 12')")
    expected = [knn_graph(x, K, missing=told.missing[m]) for m, x in told.features.items()]
    expected.append(knn_graph(branches.items("fused"), K))
    for column, graph in enumerate(expected, 1):
        shown = page.locator(f".columns > section:nth-child({column}) [data-item]").evaluate_all(
            "buttons => buttons.map((button) => Number(button.dataset.item))"
        )
        assert shown == graph.col[graph.indptr[12] : graph.indptr[13]].tolist()
    first = expected[1].col[expected[1].indptr[12]].item()
    page.click(".columns > section:nth-child(2) button >> nth=0")
    until(page, "item => location.hash.includes(`item=${item}`)", first)
    page.go_back()
    page.wait_for_selector("h2:has-text('Garment number 12')")


def test_the_branch_of_the_learned_graph_can_be_changed(page: Any, branches: Branches) -> None:
    page.evaluate("location.hash = 'item=12'")
    page.wait_for_selector("h2:has-text('Garment number 12')")
    page.check("input[name=branch][value=textual]")
    page.wait_for_selector("h4:has-text('textual, as learned')")
    shown = page.locator(".columns > section:last-child [data-item]").evaluate_all(
        "buttons => buttons.map((button) => Number(button.dataset.item))"
    )
    graph = knn_graph(branches.items("textual"), K)
    assert shown == graph.col[graph.indptr[12] : graph.indptr[13]].tolist()
    assert page.evaluate("document.activeElement.value") == "textual", "the focus stays on what was chosen"


def test_the_drawing_holds_what_is_chosen_and_opens_items(page: Any) -> None:
    page.evaluate("location.hash = 'item=12'")
    page.wait_for_selector("h2:has-text('Garment number 12')")
    page.locator("#drawing").scroll_into_view_if_needed()
    page.wait_for_selector("#drawing[data-neighbours]")
    around = set(
        page.locator(".columns [data-item]").evaluate_all("buttons => buttons.map((button) => button.dataset.item)")
    )
    assert int(page.get_attribute("#drawing", "data-neighbours")) == len(around)
    page.uncheck("fieldset:has-text('Graphs') input >> nth=2")
    page.uncheck("fieldset:has-text('Graphs') input >> nth=1")
    page.wait_for_selector(f"#drawing[data-neighbours='{K}']")
    page.focus("#drawing")
    for key in ("ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "ArrowRight", "+", "-", "0"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    until(page, "!location.hash.includes('item=12')")


def test_a_drawing_that_was_left_before_it_began_is_not_made(page: Any) -> None:
    page.evaluate("""() => {
        window.late = [];
        window.IntersectionObserver = class {
            constructor(call) { window.late.push(call); }
            observe() {}
            disconnect() {}
        };
        location.hash = "item=12";
    }""")
    page.wait_for_selector("h2:has-text('Garment number 12')")
    page.evaluate("location.hash = 'user=17'")
    page.wait_for_selector("h2:has-text('User 17')")
    assert page.evaluate("late.length") == 1
    page.evaluate("late[0]([{ isIntersecting: true }])")


def test_users_show_their_history_and_their_hits(page: Any, told: MultimodalDataset) -> None:
    page.select_option("#source", "users")
    page.fill("#search", "17")
    page.wait_for_selector("#results [data-user='17']")
    page.click("#results [data-user='17']")
    page.wait_for_selector("h2:has-text('User 17')")
    assert page.locator("#detail > section").nth(0).locator("[data-item]").count() == 2
    for column in range(3):
        top = page.locator(f".columns > section:nth-child({column + 1}) button")
        shown = top.evaluate_all("all => all.map((b) => [Number(b.dataset.item), b.textContent.includes('a hit')])")
        assert len(shown) == 7
        assert all(hit == bool(told.test[17, item]) and not told.train[17, item] for item, hit in shown)
    assert page.locator("#detail > section").nth(2).locator("[data-item]").count() == 6


def test_lists_of_pairs_lead_to_the_item(page: Any) -> None:
    for name in ("rescued", "hurt"):
        page.select_option("#source", name)
        page.wait_for_selector(f"#results[data-source={name}] button:has-text('places')")
        title = titles(page, "#results")[0]
        page.click("#results button >> nth=0")
        until(page, "title => document.querySelector('h2').textContent === title", title)
        page.wait_for_selector("#detail [data-user]")


def test_the_keyboard_is_enough(page: Any) -> None:
    def focused(expression: str) -> Any:
        return page.evaluate(f"(() => {{ const at = document.activeElement; return {expression}; }})()")

    page.keyboard.press("/")
    assert focused("at.id") == "search"
    page.keyboard.type("cloth3")
    until(page, "document.querySelector('#count').textContent.includes('of')")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert focused("[...at.closest('ol').querySelectorAll('button')].indexOf(at)") == 1
    outline = focused("getComputedStyle(at).outlineStyle")
    assert outline == "solid", "what is focused can be seen"
    item = focused("at.dataset.item")
    page.keyboard.press("Enter")
    until(page, "item => location.hash.includes(`item=${item}`)", item)
    page.wait_for_selector(f"#results [data-item='{item}'][aria-current]")
    for _ in range(20):  # on to the first neighbour
        page.keyboard.press("Tab")
        if focused("Boolean(at.closest('.columns'))"):
            break
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    assert focused("[...document.querySelectorAll('.columns .entries')].indexOf(at.closest('ol'))") == 1
    page.keyboard.press("Enter")
    until(page, "item => !location.hash.includes(`item=${item}`)", item)
    until(page, "document.activeElement.tagName === 'H2'")
    page.keyboard.press("Escape")
    assert focused("at.id === 'search' || Boolean(at.closest('#results'))")
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    assert page.input_value("#search") == ""


def test_a_page_without_users_has_none(
    browser: Any, told: MultimodalDataset, branches: Branches, tmp_path: Path
) -> None:
    config = ExplorerConfig(neighbors=K, users=0, cases=0)
    path = write_explorer(told, branches, tmp_path / "page.html", title="t", config=config)
    with opened(browser, path, {"width": 1200, "height": 900}) as page:
        page.select_option("#source", "users")
        page.wait_for_selector("#results[data-source=users]", state="attached")
        assert page.locator("#results button").count() == 0
        page.evaluate("location.hash = 'user=0'")
        page.wait_for_selector("#detail:has-text('no user 0')")


def test_with_three_modalities_an_edge_of_two_is_marked_where_the_third_differs(
    browser: Any, make_data: MakeData, tmp_path: Path
) -> None:
    data = make_data(("visual", "textual", "audio"), num_items=40)
    # Sounds disagree with what is equal in picture and text.
    data = replace(data, features=dict(data.features) | {"textual": data.features["visual"].clone()})
    branches = create_model("brmrs", data).eval()()
    path = write_explorer(data, branches, tmp_path / "page.html", title="t", config=ExplorerConfig(neighbors=K))
    with opened(browser, path, {"width": 1200, "height": 900}) as page:
        page.evaluate("location.hash = 'item=12'")
        page.locator("#drawing").scroll_into_view_if_needed()
        page.wait_for_selector("#drawing[data-neighbours]")
        both = "document.querySelector('#drawing')._cyreg.cy.edges('.all.differ').map((edge) => edge.data('words'))"
        words = page.evaluate(both)
        assert words and all(
            "visual" in text and "textual" in text and "different in another" in text for text in words
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(browser: Any, path: Path, scheme: str) -> None:
    with opened(browser, path, {"width": 360, "height": 740}, color_scheme=scheme, has_touch=True) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        page.click("#results button >> nth=1")
        until(page, "document.activeElement.tagName === 'H2'")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        page.locator("#drawing").scroll_into_view_if_needed()
        page.wait_for_selector("#drawing[data-neighbours]")
        moves = "document.querySelector('#drawing')._cyreg.cy.userPanningEnabled()"
        assert not page.evaluate(moves), "the finger scrolls the page"
        page.tap("[aria-label='Zoom in']")
        assert page.evaluate(moves), "what is zoomed in can be moved"
        page.tap("[aria-label='Fit the drawing']")
        assert not page.evaluate(moves)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (scheme == "light")


def test_an_address_of_nothing_says_so(page: Any) -> None:
    for address, words in (("item=9999", "no item 9999"), ("user=9999", "no user 9999"), ("item=x", "Choose an item")):
        page.evaluate(f"location.hash = '{address}'")
        page.wait_for_selector(f"#detail:has-text('{words}')")


def test_a_large_catalogue_opens(
    browser: Any, make_data: MakeData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """23,000 items without pictures; the time is printed (pytest -rP) and not judged."""
    count, k = 23_000, 10
    rng = np.random.default_rng(0)
    words = ["".join(word) for word in rng.choice(list("abcdefgh"), (500, 7))]
    texts = [" ".join(words[at] for at in row) for row in rng.integers(0, 500, (count, 40))]
    data = replace(make_data(num_items=count), texts=texts)

    def random_graph() -> SparseGraph:
        ends = torch.from_numpy(rng.integers(0, count, count * k).astype(np.int32))
        return SparseGraph(torch.arange(count + 1, dtype=torch.int32) * k, ends, torch.rand(count * k), count)

    names = ("visual", "textual", "fused")
    ids = [str(item) for item in range(count)]
    graphs = ItemGraphs(ids, {m: random_graph() for m in names[:2]}, {}, {name: random_graph() for name in names})
    monkeypatch.setattr(payload, "item_graphs", lambda *_: graphs)  # exact neighbours would take half a minute
    tables = [{name: torch.rand(n, 2) for name in names} for n in (data.num_users, count)]
    path = write_explorer(data, Branches(*tables, names[:2]), tmp_path / "large.html", title="large")
    with opened(browser, path, {"width": 1200, "height": 900}) as page:
        print(f"{path.stat().st_size / 1e6:.1f} MB open in {page.get_attribute('html', 'data-ready')} ms")
        page.select_option("#source", "items")
        page.fill("#search", words[3])
        until(page, "document.querySelector('#count').textContent.endsWith('of 23,000')")
        assert page.locator("#results button").count() == 50, "no more than a part is in the page at once"
