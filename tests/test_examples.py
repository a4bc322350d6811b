"""Each example is run as it is, and must say what it is for."""

import re
import runpy
import sys
from pathlib import Path

import networkx as nx
import pandas as pd
import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    return capsys.readouterr().out


def test_all_examples_are_short_and_tested_here() -> None:
    tested = set(re.findall(r'run\("(\w+)"', Path(__file__).read_text()))
    assert {path.stem for path in EXAMPLES.glob("*.py")} == tested
    assert all(len(path.read_text().splitlines()) < 80 for path in EXAMPLES.glob("*.py"))


def test_a_model_of_pyg_learns_with_our_propagation_which_equals_pygs(capsys, monkeypatch) -> None:
    out = run("propagation_in_pyg", capsys, monkeypatch)
    losses = [float(loss) for loss in re.findall(r"BPR (\d\.\d+)", out)]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.6 * losses[0]
    assert float(re.search(r"Recall@20 .*: (\d\.\d+)", out)[1]) > 0.05  # a random ranking has 20 / 1,200
    assert float(re.search(r"largest difference .*: (\S+)", out)[1]) < 1e-5


def test_a_two_tower_model_trains_with_and_without_the_method(capsys, monkeypatch) -> None:
    out = run("chns_two_tower", capsys, monkeypatch)
    arms = dict(re.findall(r"^(BPR.*?): (.*)$", out, re.MULTILINE))
    assert list(arms) == ["BPR", "BPR + CHNS + synergy"]
    for result in arms.values():
        recalls = dict(re.findall(r"(\w+) (\d\.\d+)", result))
        assert set(recalls) == {"visual", "textual", "fused"}
        assert float(recalls["fused"]) > 0.03


def test_the_item_graphs_are_told_and_written(capsys, monkeypatch, tmp_path) -> None:
    out = run("inspect_item_graph", capsys, monkeypatch, str(tmp_path))
    assert out.count("components") == 6 and "of the neighbours are shared" in out
    assert len(re.findall(r"^  \d+ \(\d\.\d+\): \w", out, re.MULTILINE)) == 3
    table = pd.read_parquet(tmp_path / "item_graphs.parquet")
    assert set(table["graph"]) >= {"frozen_visual", "propagated_mixed", "learned_fused"}
    graph = nx.read_graphml(tmp_path / "item_graphs.graphml")
    frozen = table[table["graph"].str.startswith("frozen")]
    assert graph.number_of_edges() == len(frozen.drop_duplicates(["item_id", "neighbor_id"]))
    assert len(pd.read_csv(tmp_path / "items.csv")) == len(graph) == 1200
