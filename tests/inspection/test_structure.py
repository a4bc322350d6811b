import math

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.graphs import SparseGraph, knn_graph
from brmrs_graph.inspection import graph_structure
from tests.inspection.random_graphs import lists, random_graph


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**30))
def test_equals_what_networkx_and_plain_sums_give(seed: int) -> None:
    graph = random_graph(seed, num_items=12, degree=2)
    neighbors = lists(graph)
    expected = nx.DiGraph((i, j) for i in range(12) for j in neighbors[i])
    found = graph_structure(graph)
    assert found.degree.tolist() == [len(n) for n in neighbors]
    assert found.in_degree.tolist() == [expected.in_degree(i) if i in expected else 0 for i in range(12)]
    labels = found.component.tolist()
    assert [i for i in range(12) if labels[i] >= 0] == sorted(expected)
    components = sorted(map(sorted, nx.weakly_connected_components(expected)))
    assert sorted([i for i in range(12) if labels[i] == c] for c in set(labels) - {-1}) == components
    sizes = [labels.count(c) for c in range(max(labels) + 1)]
    assert sizes == sorted(sizes, reverse=True)
    if not expected:
        return
    k = np.array([expected.in_degree(i) for i in expected], dtype=float)
    assert found.anti_hubs == pytest.approx((k == 0).mean())
    assert found.reciprocity == pytest.approx(nx.overall_reciprocity(expected))
    skewness = ((k - k.mean()) ** 3).mean() / k.std() ** 3 if k.std() else math.nan
    assert found.hubness == pytest.approx(skewness, nan_ok=True)
    assert found.numbers()["components"] == len(components)
    assert found.numbers()["largest component"] == pytest.approx(max(map(len, components)) / len(expected))


def test_edges_of_weight_0_are_edges() -> None:
    graph = SparseGraph.from_edges(torch.tensor([0]), torch.tensor([1]), (2, 2), torch.zeros(1))
    assert graph_structure(graph).component.tolist() == [0, 0]


def test_a_graph_without_edges_has_nothing_to_measure() -> None:
    found = graph_structure(knn_graph(torch.zeros(4, 2), 2))
    assert found.component.tolist() == [-1] * 4
    assert all(math.isnan(value) for value in (found.hubness, found.anti_hubs, found.reciprocity))
    assert found.summary() == "no edges"


def test_the_summary_counts_what_is_on_the_graph() -> None:
    graph = SparseGraph.from_edges(torch.tensor([0, 1, 2]), torch.tensor([1, 0, 1]), (5, 5))
    assert graph_structure(graph).summary() == (
        "3 items, 3 edges; an item is on up to 2 lists (skewness 0.00), 33.3% of the items are on none; 66.7% of the "
        "edges go both ways; components: 1, the largest with 100.0%"
    )
