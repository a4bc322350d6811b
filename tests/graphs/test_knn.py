import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import knn_graph


def features(num_items=23, dim=4, seed=0):
    return torch.randn(num_items, dim, generator=torch.Generator().manual_seed(seed))


def brute_force(x, k, loop, absent):
    """Every row's similarities, largest first, by comparing each pair of items on its own."""
    lists = []
    for i in range(len(x)):
        others = [j for j in range(len(x)) if not absent[j] and (loop or j != i)]
        cosine = [float(x[i].double() @ x[j].double() / (x[i].double().norm() * x[j].double().norm())) for j in others]
        lists.append([] if absent[i] else sorted(cosine, reverse=True)[:k])
    return lists


@settings(deadline=None, max_examples=60)
@given(st.integers(3, 12), st.booleans(), st.integers(1, 13), st.integers(0, 2**30), st.data())
def test_equals_brute_force_with_duplicates_zero_rows_and_missing_items(num_items, loop, block, seed, data):
    x = features(num_items, 3, seed)
    x[-1] = 2 * x[0]  # a duplicate in direction
    x[1] = 0
    missing = torch.rand(num_items, generator=torch.Generator().manual_seed(seed)) < 0.2
    absent = missing | (x == 0).all(1)
    k = data.draw(st.integers(1, num_items - (not loop)))
    graph = knn_graph(x, k, loop=loop, missing=missing, block=block)
    assert graph.shape == (num_items, num_items)
    for i, expected in enumerate(brute_force(x, k, loop, absent)):
        mine = graph.row == i
        columns = graph.col[mine].tolist()
        torch.testing.assert_close(graph.weight[mine], torch.tensor(expected), atol=1e-5, rtol=0)
        assert len(set(columns)) == len(columns)
        assert loop or i not in columns
        cosine = torch.nn.functional.cosine_similarity(x[i], x[columns]) if columns else torch.empty(0)
        torch.testing.assert_close(graph.weight[mine], cosine, atol=1e-5, rtol=0)
        assert not absent[columns].any()


@pytest.mark.parametrize("block", [1, 7, 22, 23, 1000])
def test_block_size_does_not_change_the_result(block):
    x = features()
    graph, whole = knn_graph(x, 5, block=block), knn_graph(x, 5)
    torch.testing.assert_close(graph.weight, whole.weight)
    assert torch.equal(graph.indices, whole.indices)


def test_similarities_fall_within_a_row_and_never_exceed_one():
    x = features(40).repeat(2, 1)
    graph = knn_graph(x, 6)
    weight = graph.weight.view(80, 6)
    assert bool((weight.diff(dim=1) <= 0).all())
    assert float(weight.max()) <= 1
    torch.testing.assert_close(weight[:, 0], torch.ones(80))  # every item's twin


def test_with_loops_an_item_is_its_own_first_neighbour_even_among_duplicates():
    x = features(3).repeat(5, 1)
    graph = knn_graph(x, 2, loop=True)
    assert graph.col.view(15, 2)[:, 0].tolist() == list(range(15))
    assert graph.weight.view(15, 2)[:, 0].tolist() == [1.0] * 15


def test_scale_of_a_feature_row_does_not_matter():
    x = features()
    scaled = x * torch.rand(23, 1).add(0.1)
    assert torch.equal(knn_graph(x, 4).indices, knn_graph(scaled, 4).indices)


def test_items_get_fewer_neighbours_only_where_fewer_have_the_modality():
    missing = torch.ones(6, dtype=torch.bool)
    missing[[1, 4, 5]] = False
    graph = knn_graph(features(6), 5, missing=missing)
    assert graph.degree().tolist() == [0, 2, 0, 0, 2, 2]


@pytest.mark.parametrize("loop", [False, True])
def test_a_modality_that_no_item_has_gives_an_empty_graph(loop):
    graph = knn_graph(torch.zeros(4, 2), 2, loop=loop)
    assert graph.shape == (4, 4) and graph.num_edges == 0
    assert (graph @ torch.ones(4, 2)).tolist() == [[0, 0]] * 4


def test_a_single_item_that_has_the_modality_has_no_neighbour():
    x = torch.zeros(4, 2)
    x[2] = 1
    assert knn_graph(x, 2).num_edges == 0
    loops = knn_graph(x, 2, loop=True)
    assert (loops.row.tolist(), loops.col.tolist()) == ([2], [2])


@pytest.mark.parametrize(("k", "loop", "largest"), [(6, False, 5), (7, True, 6), (0, False, 5)])
def test_an_impossible_k_is_refused_naming_k_the_items_and_the_remedy(k, loop, largest):
    with pytest.raises(ConfigError, match=rf"k={k} .* 6 items; choose k between 1 and {largest}$"):
        knn_graph(features(6), k, loop=loop)
    assert knn_graph(features(6), largest, loop=loop).num_edges == 6 * largest
