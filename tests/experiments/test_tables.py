import json
from pathlib import Path

import pytest

from brmrs_graph.errors import ConfigError
from experiments import tables


def spread(mean: float) -> dict[str, dict[str, float]]:
    return {name: {"mean": mean, "std": 0.001} for name in ("recall@20", "ndcg@20")}


RESULTS = {
    "reference": "a",
    "command": "python -m experiments.compare --plan x.yaml",
    "data": {"synthetic": True, "hash": "abc"},
    "seeds": [1, 2],
    "arms": {"a": {"valid": spread(0.2), "test": spread(0.1)}, "b": {"valid": spread(0.1), "test": spread(0.3)}},
    "against_reference": {"b": {"mean": -0.2, "low": -0.25, "high": -0.15, "p": 0.0002}},
}


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda page: page.name)
def test_the_pages_agree_with_the_results(page: Path) -> None:
    text = page.read_text()
    assert tables.update(text) == text


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda page: page.name)
def test_every_results_block_is_closed(page: Path) -> None:
    text = page.read_text()
    assert text.count("<!-- results: ") == text.count("<!-- end -->") == len(tables.BLOCK.findall(text))


def test_the_table_tells_means_difference_and_command() -> None:
    text = tables.render(RESULTS)
    assert "| `a` | 0.2000 ± 0.0010 | 0.1000 ± 0.0010 | 0.1000 ± 0.0010 |  |  |" in text
    assert (
        "| `b` | 0.1000 ± 0.0010 | **0.3000 ± 0.0010** | 0.3000 ± 0.0010 | -0.2000 [-0.2500, -0.1500] | 0.0002 |"
        in text
    )
    assert "`python -m experiments.compare --plan x.yaml` (synthetic data; 2 seeds" in text


def test_only_blocks_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.json").write_text(json.dumps(RESULTS))
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    text = "before\n<!-- results: x -->\nold\n<!-- end -->\nafter\n"
    assert tables.update(text) == f"before\n<!-- results: x -->\n{tables.render(RESULTS)}<!-- end -->\nafter\n"


def test_results_that_are_not_there_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    with pytest.raises(ConfigError, match=r"y\.json is missing"):
        tables.update("<!-- results: y -->\n<!-- end -->")
