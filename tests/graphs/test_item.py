import numpy as np
import pytest
import torch

from brmrs_graph.graphs import SparseGraph, item_graph, knn_graph, overlap_graph
from brmrs_graph.graphs.item import top_k

N, K = 14, 4


@pytest.fixture
def parts():
    """Two kNN graphs and a co-purchase graph; item 0 lacks the text, item 1 the picture, item 2 everything."""
    generator = torch.Generator().manual_seed(0)
    visual, textual = torch.randn(N, 5, generator=generator), torch.randn(N, 6, generator=generator)
    visual[[1, 2]], textual[[0, 2]] = 0, 0
    bought = (torch.rand(N, 9, generator=generator) < 0.4).float()
    bought[2] = 0
    graphs = {"visual": knn_graph(visual, K), "textual": knn_graph(textual, K)}
    return graphs, overlap_graph(SparseGraph.from_edges(*bought.nonzero().t(), (N, 9)).to_scipy(), K)


def rows_to_one(dense):
    total = dense.sum(1, keepdims=True)
    return np.divide(dense, total, out=np.zeros_like(dense), where=total > 0)


def strongest(dense, k):
    kept = np.zeros_like(dense)
    for i, row in enumerate(dense):
        for j in sorted(np.flatnonzero(row), key=lambda j, row=row: (-row[j], j))[:k]:
            kept[i, j] = row[j]
    return kept


@pytest.mark.parametrize("beta", [{"visual": 0.3, "textual": 0.7}, {}, {"visual": 3.0, "textual": 1.0}])
def test_without_overlap_equals_the_weighted_mix_of_binary_graphs(parts, beta):
    graphs, _ = parts
    mix = sum(
        beta.get(name, 0.5) * rows_to_one((graph.to_dense().numpy() != 0).astype(float))
        for name, graph in graphs.items()
    )
    np.testing.assert_allclose(item_graph(graphs, beta).to_dense().numpy(), rows_to_one(mix), atol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 0.2, 1.0])
def test_rows_sum_to_one_and_to_zero_for_isolated_items(parts, alpha):
    graphs, copurchase = parts
    mixed = item_graph(graphs, {"visual": 0.3, "textual": 0.7}, k=K, copurchase=copurchase, alpha=alpha)
    total = mixed.to_dense().sum(1)
    expected = torch.ones(N)
    expected[2] = 0
    torch.testing.assert_close(total, expected)


@pytest.mark.parametrize("alpha", [0.2, 0.7, 1.0])
def test_with_overlap_equals_the_dense_formula(parts, alpha):
    graphs, copurchase = parts
    beta = {"visual": 0.3, "textual": 0.7}
    dense = {name: graph.to_dense().numpy().astype(float) for name, graph in graphs.items()}
    content = np.zeros((N, N))
    for i in range(N):
        there = [name for name in beta if dense[name][i].any()]
        for name in there:
            content[i] += beta[name] / sum(beta[m] for m in there) * np.maximum(dense[name][i], 0)
    edges = strongest(alpha * copurchase.to_dense().numpy() + (1 - alpha) * content, K)
    mixed = item_graph(graphs, beta, k=K, copurchase=copurchase, alpha=alpha)
    np.testing.assert_allclose(mixed.to_dense().numpy(), rows_to_one(edges), atol=1e-6)
    assert int(mixed.degree().max()) <= K


def test_an_item_that_lacks_a_modality_has_only_the_edges_of_the_other(parts):
    graphs, _ = parts
    mixed = item_graph(graphs, {"visual": 0.3, "textual": 0.7}).to_dense()
    torch.testing.assert_close(mixed[0], (graphs["visual"].to_dense()[0] != 0) / K)
    torch.testing.assert_close(mixed[1], (graphs["textual"].to_dense()[1] != 0) / K)


def test_the_graphs_that_go_in_are_left_unchanged(parts):
    graphs, copurchase = parts
    before = [graph.weight.clone() for graph in (*graphs.values(), copurchase)]
    item_graph(graphs, {}, k=K, copurchase=copurchase, alpha=0.5)
    item_graph(graphs, {})
    for graph, weight in zip((*graphs.values(), copurchase), before, strict=True):
        assert torch.equal(graph.weight, weight)


def test_top_k_of_a_random_matrix_keeps_the_largest_and_breaks_ties_by_column():
    dense = np.random.default_rng(0).integers(0, 4, (9, 9)).astype(np.float32)
    kept = top_k(SparseGraph.from_edges(*torch.from_numpy(dense).nonzero().t(), (9, 9)).to_scipy(), 2)
    ones = strongest((dense > 0).astype(np.float32), 2)
    np.testing.assert_array_equal(kept.toarray(), ones)


def test_what_cannot_be_mixed_is_refused(parts):
    graphs, copurchase = parts
    with pytest.raises(ValueError, match="at least one modality"):
        item_graph({}, {})
    with pytest.raises(ValueError, match="needs a co-purchase graph and k"):
        item_graph(graphs, {}, alpha=0.1, k=K)
    with pytest.raises(ValueError, match="needs a co-purchase graph and k"):
        item_graph(graphs, {}, alpha=0.1, copurchase=copurchase)
