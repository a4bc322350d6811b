import logging
import sys

import pytest
import torch
import torch.nn.functional as F

from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import approximate_neighbors as approximate_module
from brmrs_graph.graphs import knn as knn_module
from brmrs_graph.graphs import knn_graph
from brmrs_graph.graphs.approximate_neighbors import approximate_neighbors
from brmrs_graph.graphs.exact_neighbors import exact_neighbors

pytest.importorskip("faiss", reason="faiss-cpu is not installed")


def clustered(num_items=3000, dim=16, seed=0, noise=0.3):
    generator = torch.Generator().manual_seed(seed)
    centers = torch.randn(60, dim, generator=generator)
    x = centers[torch.randint(0, 60, (num_items,), generator=generator)]
    return F.normalize(x + noise * torch.randn(num_items, dim, generator=generator), dim=1)


def share_found(found, truth):
    hits = [len(set(a) & set(b)) for a, b in zip(found.tolist(), truth.tolist(), strict=True)]
    return sum(hits) / truth.numel()


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("recall", [0.8, 0.95])
def test_finds_the_recall_asked_for_over_all_items_and_says_it(loop, recall, caplog):
    x = clustered(noise=0.6)
    with caplog.at_level(logging.INFO):
        values, found = approximate_neighbors(x, 10, loop=loop, recall=recall)
    true_values, truth = exact_neighbors(x, 10, loop=loop)
    reached = share_found(found, truth)
    assert reached > recall - 0.02
    said = float(caplog.records[0].getMessage().split(": ")[1].split()[0])
    assert abs(said - reached) < 0.02
    own = torch.arange(len(x)).unsqueeze(1)
    torch.testing.assert_close(values[found != own], (x.unsqueeze(1) * x[found]).sum(2)[found != own])
    assert bool((found[:, 0] == own[:, 0]).all()) is loop and bool((found[:, 1:] == own).any()) is False
    assert bool((values <= true_values + 1e-6).all()) and bool((values.diff(dim=1) <= 0).all())


def test_gives_the_same_neighbours_each_time():
    first, second = (approximate_neighbors(clustered(), 5) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_block_size_does_not_change_the_result(monkeypatch):
    whole = approximate_neighbors(clustered(), 5)
    monkeypatch.setattr(approximate_module, "BLOCK", 700)
    assert all(torch.equal(a, b) for a, b in zip(whole, approximate_neighbors(clustered(), 5), strict=True))


def test_says_as_a_warning_that_vectors_without_groups_cannot_be_found(caplog):
    x = F.normalize(torch.randn(4000, 64, generator=torch.Generator().manual_seed(0)), dim=1)
    approximate_neighbors(x, 10)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING and "in 31 of 252 groups" in record.getMessage()


@pytest.mark.parametrize("loop", [False, True])
def test_items_with_more_duplicates_than_places_are_themselves_or_not(loop):
    x = clustered(3).repeat(400, 1)
    graph = knn_graph(x, 4, loop=loop, exact=False)
    assert graph.degree().tolist() == [4] * 1200
    own = (graph.row == graph.col).view(1200, 4)
    assert bool(own[:, 0].all()) if loop else not bool(own.any())
    assert len(set(zip(graph.row.tolist(), graph.col.tolist(), strict=True))) == 4800


def test_where_a_group_is_too_small_items_get_fewer_neighbours():
    x = torch.eye(40)  # every item is a group of its own
    graph = knn_graph(x, 30, exact=False)
    assert 0 <= int(graph.degree().min()) <= int(graph.degree().max()) < 30
    assert not bool((graph.row == graph.col).any())


def test_large_catalogues_are_searched_approximately_unless_asked_otherwise(monkeypatch):
    monkeypatch.setattr(knn_module, "MOST_EXACT", 2999)
    x = clustered(noise=0.6)
    missing = torch.zeros(3000, dtype=torch.bool)
    nearly, exact = knn_graph(x, 10), knn_graph(x, 10, exact=True)
    assert torch.equal(nearly.indices, knn_graph(x, 10, exact=False).indices)
    assert not torch.equal(nearly.indices, exact.indices)
    missing[7] = True  # 2,999 are left to compare
    assert torch.equal(knn_graph(x, 10, missing=missing).indices, knn_graph(x, 10, missing=missing, exact=True).indices)


def test_without_faiss_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ConfigError, match=r"neighbours of 3000 items .* pip install faiss-cpu"):
        knn_graph(clustered(), 5, exact=False)
