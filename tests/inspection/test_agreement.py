import math
from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from scipy.stats import spearmanr

from brmrs_graph.graphs import SparseGraph, knn_graph
from brmrs_graph.inspection import agreement
from tests.inspection.random_graphs import N, item_graph_pairs, lists, random_graph

NAN = pytest.approx(math.nan, nan_ok=True)


@settings(deadline=None, max_examples=25)
@given(item_graph_pairs)
def test_equals_a_comparison_of_plain_lists(graphs) -> None:
    found = agreement(*graphs)
    a, b = map(lists, graphs)
    for i in range(N):
        common = a[i].keys() & b[i].keys()
        assert int(found.shared[i]) == len(common)
        expected = 2 * len(common) / (len(a[i]) + len(b[i])) if a[i] and b[i] else math.nan
        assert float(found.overlap[i]) == pytest.approx(expected, nan_ok=True)
        order = math.nan
        if len(common) >= 3:
            x, y = ([weights[j] for j in common] for weights in (a[i], b[i]))
            if len(set(x)) > 1 and len(set(y)) > 1:
                order = spearmanr(x, y).statistic
        assert float(found.order[i]) == pytest.approx(order, nan_ok=True)
    both = [i for i in range(N) if a[i] and b[i]]
    common = [len(a[i].keys() & b[j].keys()) for i, j in permutations(both, 2)]
    lengths = [len(a[i]) + len(b[i]) for i in both]
    chance = 2 * (sum(common) / len(common)) / (sum(lengths) / len(lengths)) if common else math.nan
    assert found.chance == pytest.approx(chance, nan_ok=True)


@settings(deadline=None, max_examples=12)
@given(item_graph_pairs)
def test_it_is_symmetric_lies_between_0_and_1_and_is_1_with_itself(graphs) -> None:
    there, back = agreement(*graphs), agreement(*reversed(graphs))
    for name in ("shared", "overlap", "order"):
        torch.testing.assert_close(getattr(there, name), getattr(back, name), equal_nan=True)
    assert there.chance == pytest.approx(back.chance, nan_ok=True)
    measured = there.overlap[~there.overlap.isnan()]
    assert bool(((measured >= 0) & (measured <= 1)).all())
    itself = agreement(graphs[0], graphs[0])
    assert set(itself.overlap[~itself.overlap.isnan()].tolist()) <= {1.0}
    assert all(value == pytest.approx(1) for value in itself.order[~itself.order.isnan()].tolist())


def test_with_lists_of_equal_length_it_is_the_shared_share_of_the_neighbours() -> None:
    a = SparseGraph.from_edges(torch.tensor([0, 0, 0, 0]), torch.tensor([1, 2, 3, 4]), (6, 6))
    b = SparseGraph.from_edges(torch.tensor([0, 0, 0, 0]), torch.tensor([2, 3, 4, 5]), (6, 6))
    assert float(agreement(a, b).overlap[0]) == 0.75


def test_for_random_lists_chance_is_what_is_found() -> None:
    x, y = torch.randn(2, 400, 8, generator=torch.Generator().manual_seed(0))
    found = agreement(knn_graph(x, 10), knn_graph(y, 10))
    assert found.numbers()["overlap"] == pytest.approx(found.chance, rel=0.2)
    assert found.chance == pytest.approx(10 / 400, rel=0.2)


def test_chance_knows_of_hubs() -> None:
    hubs = torch.arange(5).repeat(95)
    graph = SparseGraph.from_edges(torch.arange(5, 100).repeat_interleave(5), hubs, (100, 100))
    assert agreement(graph, graph).chance == 1.0


def test_the_order_of_identical_items_is_not_told_from_the_last_digits_of_their_cosines() -> None:
    row, col = torch.zeros(4, dtype=torch.int64), torch.arange(1, 5)
    tied = SparseGraph.from_edges(row, col, (5, 5), torch.tensor([1.0, 1 - 1e-7, 1 - 2e-7, 0.5]))
    other = SparseGraph.from_edges(row, col, (5, 5), torch.tensor([0.7, 0.8, 0.9, 0.1]))
    assert float(agreement(tied, other).order[0]) == pytest.approx(spearmanr([2, 2, 2, 1], [2, 3, 4, 1]).statistic)


def test_what_is_not_measured_is_nan_and_said_so() -> None:
    empty = knn_graph(torch.zeros(N, 2), 3)
    found = agreement(empty, random_graph(0))
    assert bool(found.overlap.isnan().all())
    assert found.numbers()["overlap"] == NAN and found.numbers()["nothing shared"] == NAN
    assert found.summary().startswith("not measured")


def test_the_summary_has_the_means() -> None:
    a = SparseGraph.from_edges(torch.tensor([0, 0, 1]), torch.tensor([1, 2, 2]), (3, 3))
    b = SparseGraph.from_edges(torch.tensor([0, 0, 1]), torch.tensor([1, 0, 0]), (3, 3))
    # Item 0 shares one of 2 + 1 neighbours, item 1 none; lists of the other item share 0 and (2, none): 0.
    assert agreement(a, b).summary() == "33.3% of the neighbours are shared (0.0% by chance), none for 50.0% of 2 items"
