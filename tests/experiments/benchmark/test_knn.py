from collections.abc import Callable

import pytest
import torch

from brmrs_graph.graphs import knn_graph
from experiments.benchmark import knn


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return torch.randn(60, 8, generator=torch.Generator().manual_seed(0))


def test_every_way_finds_the_same_neighbours(x: torch.Tensor) -> None:
    expected = knn_graph(x, 5).indices.view(60, 5).long()
    assert torch.equal(knn.brute_force(x, 5), expected)
    if not isinstance(knn.searches(x, 5, 1)["faiss, IndexFlatIP"], str):
        found = knn.with_faiss(x, 5, 1)
        assert torch.equal(found[:, 0], torch.arange(60))
        assert torch.equal(found[:, 1:], expected)


def test_what_cannot_be_measured_says_why(x: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knn, "available", lambda: 0.0)
    monkeypatch.setattr(knn, "package", lambda name: None)
    searches = knn.searches(x, 5, 1)
    assert searches["brute force, N×N"] == "0.0 GiB do not fit in memory"
    assert searches["faiss, IndexFlatIP"] == "not installed"
    assert isinstance(searches["ours"], Callable)


def test_fewer_items_are_compared_where_features_are_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knn, "PRODUCTS", 32 * 100**2)
    some = knn.some_items({"wide": torch.zeros(150, 128), "narrow": torch.zeros(90, 32)})
    assert {name: len(x) for name, x in some.items()} == {"wide": 50, "narrow": 90}


def test_the_share_of_neighbours_found_counts_edges(x: torch.Tensor) -> None:
    exact = knn_graph(x, 5)
    assert knn.shared(exact, exact) == 1
    assert knn.shared(exact, knn_graph(x, 4)) == pytest.approx(4 / 5)
    assert knn.shared(knn_graph(x, 4), exact) == 1
