import math

import pytest
import torch

from brmrs_graph.graphs import knn_graph
from brmrs_graph.sampling import Closeness, closeness, inconsistency, inconsistent_neighbors

N, K = 40, 12


def features(seed, missing):
    x = torch.randn(N, 4, generator=torch.Generator().manual_seed(seed))
    x[missing] = 0
    return x


def masks(share=0.15):
    generator = torch.Generator().manual_seed(7)
    return torch.rand(N, generator=generator) < share, torch.rand(N, generator=generator) < share


def naive(neighbors_a, neighbors_b, x, missing, delta, reference):
    """The formula of the docstring, item by item: {i: {j: z_B(i, j)}}."""
    lists_a = {i: neighbors_a.col[neighbors_a.row == i].tolist() for i in range(N)}
    lists_b = {i: neighbors_b.col[neighbors_b.row == i].tolist() for i in range(N)}

    def cosine(i, j):
        return float(x[i].double() @ x[j].double() / (x[i].double().norm() * x[j].double().norm()))

    result = {}
    for i in range(N):
        close = [] if missing[i] else [j for j in lists_a[i] if not missing[j]]
        if not close:
            result[i] = {}
            continue
        against = [cosine(i, j) for j in reference]
        mean = sum(against) / len(against)
        std = max(math.sqrt(sum((c - mean) ** 2 for c in against) / len(against)), 1e-6)
        z = {j: (cosine(i, j) - mean) / std for j in close}
        chosen = [j for j in close if j not in lists_b[i] and z[j] <= delta]
        if len(chosen) < 5:
            chosen = sorted(close, key=lambda j: cosine(i, j))[: math.ceil(len(close) / 2)]
        result[i] = {j: z[j] for j in chosen}
    return result


@pytest.mark.parametrize("delta", [-5.0, 0.0, 1.0])
@pytest.mark.parametrize("share", [0.0, 0.15])
@pytest.mark.parametrize("chunk", [7, 1 << 16])
def test_equals_the_formula_item_by_item(delta, share, chunk):
    missing_a, missing_b = masks(share)
    x_a, x_b = features(0, missing_a), features(1, missing_b)
    graph_a, graph_b = knn_graph(x_a, K, missing=missing_a), knn_graph(x_b, K, missing=missing_b)
    graph = inconsistent_neighbors(graph_a, Closeness(graph_b, x_b, missing_b, delta=delta, chunk=chunk))
    # There are fewer than 1,000 items, so that all that have B are reference items.
    expected = naive(graph_a, graph_b, x_b, missing_b, delta, (~missing_b).nonzero().squeeze(1).tolist())
    for i in range(N):
        mine = graph.row == i
        z = dict(zip(graph.col[mine].tolist(), graph.weight[mine].tolist(), strict=True))
        assert z.keys() == expected[i].keys()
        assert z == pytest.approx(expected[i], abs=1e-4)


def test_both_the_condition_and_the_fallback_occur():
    missing_a, missing_b = masks(0.0)
    x_a, x_b = features(0, missing_a), features(1, missing_b)
    graph_a, graph_b = knn_graph(x_a, K), knn_graph(x_b, K)
    degree = {
        d: inconsistent_neighbors(graph_a, Closeness(graph_b, x_b, missing_b, delta=d)).degree() for d in (-5.0, 1.0)
    }
    assert degree[-5.0].tolist() == [K // 2] * N  # nobody qualifies: half of the list
    assert int(degree[1.0].max()) > K // 2
    assert int(degree[1.0].min()) >= inconsistency.FEWEST


def test_a_modality_against_itself_leaves_the_least_similar_half():
    x = features(0, masks(0.0)[0])
    graph = knn_graph(x, K)
    chosen = inconsistent_neighbors(graph, Closeness(graph, x, torch.zeros(N, dtype=torch.bool)))
    assert torch.equal(chosen.indices.view(N, -1).sort().values, graph.indices.view(N, K)[:, K // 2 :].sort().values)


def test_items_that_lack_b_are_on_no_list_and_have_none():
    missing = masks()[1]
    x_a, x_b = features(0, masks(0.0)[0]), features(1, missing)
    chosen = inconsistent_neighbors(knn_graph(x_a, K), Closeness(knn_graph(x_b, K, missing=missing), x_b, missing))
    assert bool(missing.any()) and not bool(missing[chosen.row].any() or missing[chosen.col].any())
    everything = torch.ones(N, dtype=torch.bool)
    assert inconsistent_neighbors(knn_graph(x_a, K), Closeness(knn_graph(x_b, K), x_b, everything)).num_edges == 0


def test_the_seed_chooses_the_reference_items(monkeypatch):
    monkeypatch.setattr(closeness, "REFERENCE_ITEMS", 6)
    missing = torch.zeros(N, dtype=torch.bool)
    x_a, x_b = features(0, missing), features(1, missing)
    graphs = knn_graph(x_a, K), knn_graph(x_b, K)
    first, again, other = (
        inconsistent_neighbors(graphs[0], Closeness(graphs[1], x_b, missing, delta=5.0, seed=seed))
        for seed in (0, 0, 1)
    )
    assert torch.equal(first.to_dense(), again.to_dense())
    assert not torch.equal(first.to_dense(), other.to_dense())
    reference = torch.randperm(N, generator=torch.Generator().manual_seed(0))[:6].tolist()
    expected = naive(*graphs, x_b, missing, 5.0, reference)
    for i, j, z in zip(first.row.tolist(), first.col.tolist(), first.weight.tolist(), strict=True):
        assert z == pytest.approx(expected[i][j], abs=1e-3)


def test_identical_features_give_finite_numbers():
    missing = torch.zeros(N, dtype=torch.bool)
    x_a = features(0, missing)
    alike = Closeness(knn_graph(torch.ones(N, 3), K), torch.ones(N, 3), missing)
    chosen = inconsistent_neighbors(knn_graph(x_a, K), alike)
    assert bool(chosen.weight.isfinite().all())
    assert bool((chosen.degree() >= inconsistency.FEWEST).all())
