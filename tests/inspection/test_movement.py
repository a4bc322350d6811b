import math

import pytest
import torch
from hypothesis import given, settings

from brmrs_graph.graphs import SparseGraph, knn_graph
from brmrs_graph.inspection import movement, union
from tests.inspection.random_graphs import N, item_graph_pairs, lists, random_graph


@settings(deadline=None, max_examples=40)
@given(item_graph_pairs)
def test_every_edge_is_kept_lost_or_new(graphs) -> None:
    found = movement(*graphs)
    before, after = map(lists, graphs)
    for i in range(N):
        kept, lost, new = (
            len(keys)
            for keys in (
                before[i].keys() & after[i].keys(),
                before[i].keys() - after[i].keys(),
                after[i].keys() - before[i].keys(),
            )
        )
        assert (int(found.kept[i]), int(found.lost[i]), int(found.new[i])) == (kept, lost, new)
        measured = bool(before[i] and after[i])
        assert float(found.kept_share[i]) == pytest.approx(kept / (kept + lost) if measured else math.nan, nan_ok=True)
        assert float(found.new_share[i]) == pytest.approx(new / (kept + new) if measured else math.nan, nan_ok=True)


@settings(deadline=None, max_examples=20)
@given(item_graph_pairs)
def test_the_way_back_loses_what_was_new(graphs) -> None:
    there, back = movement(*graphs), movement(*reversed(graphs))
    assert torch.equal(there.lost, back.new) and torch.equal(there.kept, back.kept)
    stayed = movement(graphs[0], graphs[0])
    assert int(stayed.lost.sum()) == int(stayed.new.sum()) == 0


@settings(deadline=None, max_examples=20)
@given(item_graph_pairs)
def test_a_union_has_every_edge_once(graphs) -> None:
    expected = ((graphs[0].to_dense() != 0) | (graphs[1].to_dense() != 0)).float()
    assert torch.equal(union(graphs).to_dense(), expected)


def test_the_summary_has_shares_of_the_measured_items_alone() -> None:
    before = SparseGraph.from_edges(torch.tensor([0, 0, 1]), torch.tensor([1, 2, 0]), (3, 3))
    after = SparseGraph.from_edges(torch.tensor([0, 2]), torch.tensor([2, 0]), (3, 3))
    assert movement(before, after).summary() == (
        "50.0% of an item's edges are kept and 50.0% lost; 0.0% of its edges now are new (1 kept, 1 lost, 0 new, "
        "1 items)"
    )
    empty = knn_graph(torch.zeros(N, 2), 3)
    assert movement(empty, random_graph(0)).summary().startswith("not measured")
