import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from brmrs_graph.graphs import SparseGraph, degree_normalize, row_normalize, symmetric_normalize


def random_graph(rows, cols, density, seed):
    generator = torch.Generator().manual_seed(seed)
    dense = torch.rand(rows, cols, generator=generator) + 0.1
    dense = dense * (torch.rand(rows, cols, generator=generator) < density)
    row, col = dense.nonzero().t()
    return SparseGraph.from_edges(row, col, (rows, cols), dense[row, col]), dense


def inverse_power(degree, exponent):
    return torch.tensor([d**exponent if d > 0 else 0.0 for d in degree.tolist()])


graphs = st.tuples(st.integers(1, 8), st.integers(1, 8), st.sampled_from([0.0, 0.3, 0.9]), st.integers(0, 2**30))


@settings(deadline=None, max_examples=50)
@given(graphs)
def test_symmetric_normalisation_equals_the_dense_formula_with_isolated_nodes_at_zero(problem):
    graph, dense = random_graph(*problem)
    left, right = inverse_power(dense.sum(1), -0.5), inverse_power(dense.sum(0), -0.5)
    torch.testing.assert_close(symmetric_normalize(graph).to_dense(), left[:, None] * dense * right)


@settings(deadline=None, max_examples=50)
@given(graphs)
def test_row_normalisation_makes_rows_sum_to_one_or_stay_empty(problem):
    graph, dense = random_graph(*problem)
    normal = row_normalize(graph).to_dense()
    torch.testing.assert_close(normal, inverse_power(dense.sum(1), -1)[:, None] * dense)
    torch.testing.assert_close(normal.sum(1), (dense.sum(1) > 0).float())


@settings(deadline=None, max_examples=50)
@given(st.tuples(st.integers(1, 8), st.sampled_from([0.0, 0.3, 0.9]), st.integers(0, 2**30)))
def test_degree_normalisation_has_row_sums_on_both_sides(problem):
    graph, dense = random_graph(problem[0], *problem)
    scale = inverse_power(dense.sum(1), -0.5)
    torch.testing.assert_close(degree_normalize(graph).to_dense(), scale[:, None] * dense * scale)


def test_symmetric_normalisation_of_a_symmetric_graph_equals_gcn_norm():
    _, dense = random_graph(7, 7, 0.5, 3)
    dense = dense + dense.t()
    row, col = dense.nonzero().t()
    edge_index = torch.stack([col, row])
    _, expected = gcn_norm(edge_index, dense[row, col], 7, add_self_loops=False)
    graph = symmetric_normalize(SparseGraph.from_edges(row, col, (7, 7), dense[row, col]))
    torch.testing.assert_close(graph.weight, expected)
