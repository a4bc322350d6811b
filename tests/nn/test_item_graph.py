import pytest
import torch
from torch_geometric.nn import LGConv

from brmrs_graph.graphs import knn_graph, row_normalize
from brmrs_graph.nn import ItemGraphPropagation


@pytest.fixture
def graph():
    features = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    return row_normalize(knn_graph(features.abs(), 3))


@pytest.mark.parametrize("num_layers", [0, 1, 3])
def test_equals_the_power_of_the_dense_matrix(graph, num_layers):
    x = torch.randn(9, 2)
    expected = torch.linalg.matrix_power(graph.to_dense(), num_layers) @ x
    torch.testing.assert_close(ItemGraphPropagation(num_layers)(x, graph), expected)


def test_equals_stacked_lgconv_layers_of_pyg(graph):
    x, conv = torch.randn(9, 2), LGConv(normalize=False)
    edge_index, weight = graph.to_edge_index()
    expected = conv(conv(x, edge_index, weight), edge_index, weight)
    torch.testing.assert_close(ItemGraphPropagation(2)(x, graph), expected)


def test_the_gradient_is_exact(graph):
    graph = graph.with_weight(graph.weight.double())
    x = torch.randn(9, 2, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: ItemGraphPropagation(2)(x, graph), x)


def test_repr_names_the_layers():
    assert repr(ItemGraphPropagation()) == "ItemGraphPropagation(num_layers=1)"
