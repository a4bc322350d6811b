import json
from pathlib import Path

import pytest

from brmrs_graph.errors import ConfigError
from experiments import tables


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda page: page.name)
def test_the_pages_agree_with_the_results(page: Path) -> None:
    text = page.read_text()
    assert tables.update(text) == text


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda page: page.name)
def test_every_results_block_is_closed(page: Path) -> None:
    text = page.read_text()
    assert text.count("<!-- results: ") == text.count("<!-- end -->") == len(tables.BLOCK.findall(text))


def test_only_blocks_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"name": "x"}))
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    monkeypatch.setattr(tables, "render", lambda results, view: f"{view} of {results['name']}\n")
    text = "before\n<!-- results: x -->\nold\n<!-- end -->\nbetween\n<!-- results: x:degree -->\n<!-- end -->\nafter\n"
    assert tables.update(text) == (
        "before\n<!-- results: x -->\nmain of x\n<!-- end -->\nbetween\n"
        "<!-- results: x:degree -->\ndegree of x\n<!-- end -->\nafter\n"
    )


def test_several_results_share_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "xy":
        (tmp_path / f"{name}.json").write_text(json.dumps({"name": name}))
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    monkeypatch.setattr(tables, "_across", lambda found, view: f"{view} of {[x['name'] for x in found]}\n")
    text = "<!-- results: x y -->\n<!-- end -->\n<!-- results: y x:arms -->\n<!-- end -->\n"
    assert tables.update(text) == (
        "<!-- results: x y -->\nmain of ['x', 'y']\n<!-- end -->\n"
        "<!-- results: y x:arms -->\narms of ['y', 'x']\n<!-- end -->\n"
    )


def test_results_that_are_not_there_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    with pytest.raises(ConfigError, match=r"y\.json is missing"):
        tables.update("<!-- results: y -->\n<!-- end -->")
