import json
from pathlib import Path

import numpy as np
import pytest
import torch

from brmrs_graph.data import MultimodalDataset, csr_from_pairs
from experiments import bench
from experiments.bench import BenchSettings


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    keys = rng.choice(300 * 200, 1500, replace=False)
    train = csr_from_pairs(keys // 200, keys % 200, (300, 200))
    features = {"visual": torch.randn(200, 16), "textual": torch.randn(200, 8)}
    missing = {name: torch.zeros(200, dtype=torch.bool) for name in features}
    data = MultimodalDataset("small", train, train, train, features=features, missing=missing)
    monkeypatch.setattr(bench, "_data", lambda settings: (data, "random, small"))


def test_it_reports_every_stage_and_ratio(small: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads()
    try:
        results = bench.bench(BenchSettings(repeats=2, out=tmp_path / "bench.json"))
    finally:
        torch.set_num_threads(threads)
    assert json.loads((tmp_path / "bench.json").read_text()) == results
    assert set(results["stages_ms"]) == {
        *("forward: projection and propagation", "sampling", "losses", "backward", "optimiser"),
    }
    step = results["step_ms"]
    assert results["ratios"]["coo step over ours"] == pytest.approx(
        step["coo autograd"]["median"] / step["fused product"]["median"]
    )
    assert all(value["low"] <= value["median"] <= value["high"] for value in step.values())
    assert "evaluation" in capsys.readouterr().out


def test_without_data_the_graph_is_random_and_of_clothings_size() -> None:
    data, source = bench._data(BenchSettings())
    assert (data.num_users, data.num_items, data.train.nnz) == (39_387, 23_033, 197_338)
    assert source.startswith("random")
