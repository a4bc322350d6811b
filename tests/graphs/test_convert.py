import pytest
import scipy.sparse as sp
import torch
from torch_geometric import EdgeIndex
from torch_geometric.data import Data, HeteroData

from brmrs_graph.graphs import SparseGraph, as_graph

# Three sources send to four targets.
EDGES = torch.tensor([[0, 2, 1, 0], [3, 0, 0, 1]])
WEIGHT = torch.tensor([1.0, 2.0, 3.0, 4.0])


def receiving():
    """The matrix whose product sums what every target receives, PyG's adj_t."""
    dense = torch.zeros(4, 3)
    dense[EDGES[1], EDGES[0]] = WEIGHT
    return dense


def test_a_sparse_graph_is_returned_as_it_is():
    graph = SparseGraph.from_edges(EDGES[1], EDGES[0], (4, 3))
    assert as_graph(graph) is graph


@pytest.mark.parametrize("order", [None, "row", "col"])
def test_edge_index_sends_from_row_zero_to_row_one(order):
    plain = as_graph(EDGES, shape=(4, 3), edge_weight=WEIGHT)
    torch.testing.assert_close(plain.to_dense(), receiving())
    permutation = torch.arange(4) if order is None else EDGES[0 if order == "row" else 1].argsort(stable=True)
    edges = EdgeIndex(EDGES[:, permutation], sparse_size=(3, 4), sort_order=order)
    knows_its_shape = as_graph(edges, edge_weight=WEIGHT[permutation])
    assert knows_its_shape.shape == (4, 3)
    torch.testing.assert_close(knows_its_shape.to_dense(), receiving())


def test_edge_index_without_a_shape_is_square_with_weight_one():
    graph = as_graph(EDGES)
    assert graph.shape == (4, 4)
    expected = torch.zeros(4, 4)
    expected[EDGES[1], EDGES[0]] = 1
    torch.testing.assert_close(graph.to_dense(), expected)


@pytest.mark.parametrize("layout", ["to_sparse_coo", "to_sparse_csr", "to_sparse_csc"])
def test_torch_sparse_matrices_are_read_as_adj_t(layout):
    torch.testing.assert_close(as_graph(getattr(receiving(), layout)()).to_dense(), receiving())


@pytest.mark.parametrize("layout", [sp.csr_matrix, sp.coo_matrix, sp.csc_array])
def test_scipy_sparse_matrices_are_read_as_adj_t(layout):
    torch.testing.assert_close(as_graph(layout(receiving().numpy())).to_dense(), receiving())


def hetero():
    data = HeteroData()
    data["user"].num_nodes, data["item"].num_nodes = 3, 4
    data["user", "buys", "item"].edge_index = EDGES
    return data


def test_hetero_data_gives_the_block_of_users_by_items():
    data = hetero()
    assert as_graph(data).shape == (3, 4)
    torch.testing.assert_close(as_graph(data).to_dense(), (receiving().t() > 0).float())
    data["user", "buys", "item"].edge_weight = WEIGHT
    torch.testing.assert_close(as_graph(data).to_dense(), receiving().t())


def test_hetero_data_with_several_edge_types_needs_one_named():
    data = hetero()
    data["item", "like", "item"].edge_index = torch.tensor([[0], [3]])
    with pytest.raises(ValueError, match="edge_type"):
        as_graph(data)
    assert as_graph(data, edge_type=("item", "like", "item")).shape == (4, 4)
    assert as_graph(data, edge_type=("user", "buys", "item")).shape == (3, 4)


def test_a_homogeneous_data_object_keeps_its_direction_and_weights():
    data = Data(edge_index=torch.tensor([[0, 2], [1, 0]]), edge_weight=torch.tensor([2.0, 3.0]), num_nodes=3)
    assert as_graph(data).to_dense().tolist() == [[0, 0, 3], [2, 0, 0], [0, 0, 0]]
    assert as_graph(Data(edge_index=data.edge_index, num_nodes=3)).weight.tolist() == [1, 1]
