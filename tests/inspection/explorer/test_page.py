import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.inspection import explorer
from brmrs_graph.inspection.explorer import ExplorerConfig, write_explorer
from brmrs_graph.inspection.explorer.page import LIBRARY, SCRIPTS
from tests.diagnosis import pages

HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)"> & \'"` <!-- <script>'
FOLDER = Path(explorer.__file__).parent


class Page(pages.Page):
    """The elements of a page, its scripts, and tags that do not match."""

    def __init__(self, source: str) -> None:
        self.scripts: list[str] = []
        super().__init__(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        super().handle_data(data)
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data


@pytest.fixture(scope="module")
def source(data: MultimodalDataset, branches: Branches, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a data set in which every text is hostile."""
    path = tmp_path_factory.mktemp("page") / "deep" / "explorer.html"
    hostile = replace(
        data,
        name=HOSTILE,
        texts=[HOSTILE] * data.num_items,
        item_ids=[f"{i}{HOSTILE}" for i in range(data.num_items)],
        user_ids=[f"{u}{HOSTILE}" for u in range(data.num_users)],
        notes=(HOSTILE,),
    )
    write_explorer(hostile, branches, path, title=HOSTILE, facts=[(HOSTILE, HOSTILE)], config=ExplorerConfig(5))
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def test_the_page_is_well_formed_and_hostile_texts_make_no_element(page: Page) -> None:
    assert not page.strayed and not page.open
    tags = [tag for tag, _ in page.elements]
    assert "img" not in tags, "pictures are made by the script alone"
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_nothing_is_fetched(source: str, page: Page) -> None:
    assert not any({"src", "href"} & attributes.keys() for _, attributes in page.elements)
    own = "".join((FOLDER / "scripts" / f"{name}.js").read_text() for name in SCRIPTS)
    assert not re.search(r"\b(fetch|import|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval)\b", own)
    assert "url(" not in source[: source.index("</style>")]


def test_only_the_scripts_of_the_page_may_run(page: Page) -> None:
    (policy,) = (a["content"] for tag, a in page.elements if tag == "meta" and "http-equiv" in a)
    kinds = [attributes.get("type", "") for tag, attributes in page.elements if tag == "script"]
    run = [script for kind, script in zip(kinds, page.scripts, strict=True) if not kind]
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in run]
    assert len(run) == 2 and policy.startswith("default-src 'none'; ")
    assert policy.endswith("script-src " + " ".join(hashes))
    assert all("</script" not in script.lower() and "<!--" not in script for script in run)


def test_what_the_page_says_of_itself_is_json_with_everything_in_it(page: Page, data: MultimodalDataset) -> None:
    kinds = [attributes.get("type", "") for tag, attributes in page.elements if tag == "script"]
    meta = json.loads(page.scripts[kinds.index("application/json")])
    assert meta["dataset"] == " ".join(HOSTILE.split()) and meta["counts"] == data.counts()
    blocks = {a["id"].removeprefix("block:") for tag, a in page.elements if tag == "script" and "id" in a} - {"meta"}
    assert blocks == meta["kinds"].keys()


def test_every_script_and_the_licence_of_the_library_are_in_the_page(source: str) -> None:
    assert {path.stem for path in (FOLDER / "scripts").glob("*.js")} == set(SCRIPTS)
    licence = (FOLDER / "vendor" / "cytoscape-LICENSE.txt").read_text().split()
    assert " ".join(licence) in re.sub(r"[\s*]+", " ", source)
    assert (FOLDER / "vendor" / f"{LIBRARY}.min.js").is_file()


def test_scripts_are_short() -> None:
    assert all(len(path.read_text().splitlines()) < 300 for path in (FOLDER / "scripts").glob("*.js"))
