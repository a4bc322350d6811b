import pytest
import torch
from torch import Tensor

from brmrs_graph.graphs import SparseGraph
from brmrs_graph.nn import edge_dot, edge_softmax, edge_sum
from brmrs_graph.nn.attention import transposed

ROWS, COLS, WIDTH = 6, 5, 3


@pytest.fixture
def dense() -> Tensor:
    """Where edges are: row 2 and column 3 have none."""
    pattern = torch.rand(ROWS, COLS, generator=torch.Generator().manual_seed(0)) < 0.6
    pattern[2], pattern[:, 3] = False, False
    return pattern


@pytest.fixture
def graph(dense: Tensor) -> SparseGraph:
    row, col = dense.nonzero().t()
    order = torch.randperm(row.numel(), generator=torch.Generator().manual_seed(1))
    return SparseGraph.from_edges(row[order], col[order], (ROWS, COLS), torch.full((row.numel(),), torch.nan))


def vectors(n: int, seed: int) -> Tensor:
    x = torch.randn(n, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return x.requires_grad_()


def test_the_dot_products_are_those_of_the_dense_product(graph: SparseGraph) -> None:
    x, y = vectors(ROWS, 0), vectors(COLS, 1)
    torch.testing.assert_close(edge_dot(graph, x, y), (x @ y.t())[graph.row, graph.col])
    assert torch.autograd.gradcheck(lambda x, y: edge_dot(graph, x, y), (x, y))


def test_the_softmax_is_that_of_the_masked_dense_matrix(graph: SparseGraph, dense: Tensor) -> None:
    score = torch.randn(graph.num_edges, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * 300
    full = torch.full((ROWS, COLS), -torch.inf, dtype=torch.float64).index_put((graph.row, graph.col), score)
    weight = edge_softmax(graph, score)
    torch.testing.assert_close(weight, full.softmax(dim=1)[graph.row, graph.col])
    total = torch.zeros(ROWS, dtype=torch.float64).index_add(0, graph.row, weight)
    torch.testing.assert_close(total, dense.any(dim=1).double())
    assert torch.autograd.gradcheck(lambda s: edge_softmax(graph, s), (score / 300).requires_grad_())


def test_the_sums_are_the_dense_product(graph: SparseGraph) -> None:
    weight = torch.randn(graph.num_edges, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    weight.requires_grad_()
    y = vectors(COLS, 4)
    full = torch.zeros(ROWS, COLS, dtype=torch.float64).index_put((graph.row, graph.col), weight)
    torch.testing.assert_close(edge_sum(graph, weight, y), full @ y)
    assert not edge_sum(graph, weight, y)[2].any()
    assert torch.autograd.gradcheck(lambda w, y: edge_sum(graph, w, y), (weight, y))


def test_only_what_needs_a_gradient_gets_one(graph: SparseGraph) -> None:
    x, y = vectors(ROWS, 0), vectors(COLS, 1).detach()
    edge_dot(graph, x, y).sum().backward()
    assert x.grad is not None and y.grad is None
    weight = torch.ones(graph.num_edges, dtype=torch.float64)
    y.requires_grad_()
    edge_sum(graph, weight, y).sum().backward()
    assert y.grad is not None and weight.grad is None


def test_values_of_edges_follow_the_transposed_graph(graph: SparseGraph) -> None:
    values = torch.arange(float(graph.num_edges))
    back = graph.with_weight(values).t()
    assert torch.equal(transposed(graph, values), back.weight)
    assert torch.equal(graph.transposed_order(), back.weight.long())
    assert graph.transposed_order() is graph.transposed_order()
    assert torch.equal(transposed(graph.t(), transposed(graph, values)), values)


def test_a_graph_without_edges_gives_empty_scores_and_zero_sums() -> None:
    none = torch.empty(0, dtype=torch.int64)
    graph = SparseGraph.from_edges(none, none, (ROWS, COLS))
    x, y = vectors(ROWS, 0), vectors(COLS, 1)
    score = edge_dot(graph, x, y)
    assert score.shape == edge_softmax(graph, score).shape == (0,)
    total = edge_sum(graph, edge_softmax(graph, score), y)
    assert total.shape == (ROWS, WIDTH) and not total.any()
    total.sum().backward()
