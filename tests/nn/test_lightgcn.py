import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch_geometric import EdgeIndex
from torch_geometric.data import HeteroData
from torch_geometric.nn import LGConv, LightGCN

from brmrs_graph.graphs import SparseGraph, as_graph, bipartite_graph, square_adjacency, symmetric_normalize
from brmrs_graph.nn import LightGCNPropagation

USERS, ITEMS, WIDTH = 7, 5, 3


@pytest.fixture
def interactions():
    """Training pairs in which the last user and the last item take no part."""
    dense = torch.rand(USERS, ITEMS, generator=torch.Generator().manual_seed(0)) < 0.5
    dense[-1], dense[:, -1] = False, False
    return dense.nonzero().t()


@pytest.fixture
def edge_index(interactions):
    """The same pairs as a homogeneous graph with both directions, as PyG's LightGCN takes it."""
    users, items = interactions[0], interactions[1] + USERS
    return torch.stack([torch.cat([users, items]), torch.cat([items, users])])


@pytest.fixture
def x():
    return torch.randn(USERS + ITEMS, WIDTH, generator=torch.Generator().manual_seed(1))


def layer_mean(x, adjacency, num_layers):
    """The mean over layers, written as it is defined."""
    layers = [x]
    for _ in range(num_layers):
        layers.append(adjacency @ layers[-1])
    return torch.stack(layers).mean(0)


@pytest.mark.parametrize("num_layers", [0, 1, 2, 4])
def test_equals_the_propagation_of_the_lightgcn_of_pyg(x, edge_index, num_layers):
    reference = LightGCN(USERS + ITEMS, WIDTH, num_layers)
    reference.embedding.weight.data.copy_(x)
    graph = symmetric_normalize(as_graph(edge_index, shape=(USERS + ITEMS,) * 2))
    torch.testing.assert_close(LightGCNPropagation(num_layers)(x, graph), reference.get_embedding(edge_index))


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize("source", ["edge_index", "EdgeIndex", "csr"])
def test_one_layer_equals_lgconv_on_every_form_of_graph_it_takes(x, edge_index, source):
    nodes = (USERS + ITEMS,) * 2
    forms = {
        "edge_index": edge_index,
        "EdgeIndex": EdgeIndex(edge_index, sparse_size=nodes),
        "csr": torch.zeros(nodes).index_put(tuple(edge_index), torch.tensor(1.0)).to_sparse_csr(),
    }
    graph = symmetric_normalize(as_graph(forms[source], shape=nodes))
    expected = (x + LGConv()(x, forms[source])) / 2
    torch.testing.assert_close(LightGCNPropagation(1)(x, graph), expected)


def test_a_directed_weighted_graph_sends_messages_the_way_lgconv_does(x):
    generator = torch.Generator().manual_seed(2)
    edge_index = torch.randint(USERS + ITEMS, (2, 30), generator=generator)
    weight = torch.rand(30, generator=generator)
    graph = as_graph(edge_index, shape=(USERS + ITEMS,) * 2, edge_weight=weight)
    expected = (x + LGConv(normalize=False)(x, edge_index, weight)) / 2
    torch.testing.assert_close(LightGCNPropagation(1)(x, graph), expected)


@pytest.mark.parametrize("num_layers", [0, 1, 2, 3])
def test_a_pair_and_its_block_give_what_the_square_adjacency_gives(x, interactions, num_layers):
    block = bipartite_graph(interactions, USERS, ITEMS)
    layer = LightGCNPropagation(num_layers)
    users, items = layer((x[:USERS], x[USERS:]), block)
    torch.testing.assert_close(torch.cat([users, items]), layer(x, square_adjacency(block)))
    expected = layer_mean(x, square_adjacency(block).to_dense(), num_layers)
    torch.testing.assert_close(torch.cat([users, items]), expected)


def test_bipartite_hetero_data_gives_the_same_as_the_pairs(x, interactions):
    data = HeteroData()
    data["user"].num_nodes, data["item"].num_nodes = USERS, ITEMS
    data["user", "buys", "item"].edge_index = interactions
    pair, layer = (x[:USERS], x[USERS:]), LightGCNPropagation()
    expected = layer(pair, bipartite_graph(interactions, USERS, ITEMS))
    for ours, theirs in zip(layer(pair, symmetric_normalize(as_graph(data))), expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("num_layers", [0, 1, 3])
def test_the_gradient_is_exact_to_second_order_on_a_directed_graph(num_layers):
    row, col = torch.randint(6, (2, 14), generator=torch.Generator().manual_seed(3))
    graph = SparseGraph.from_edges(row, col, (6, 6), torch.rand(14, dtype=torch.double))
    layer = LightGCNPropagation(num_layers)
    x = torch.randn(6, 2, dtype=torch.double, requires_grad=True)
    assert gradcheck(lambda x: layer(x, graph), x)
    assert gradgradcheck(lambda x: layer(x, graph).sin(), x)


@pytest.mark.parametrize("num_layers", [0, 1, 3])
def test_the_gradient_of_a_pair_is_exact_even_where_one_side_is_unused(interactions, num_layers):
    graph = bipartite_graph(interactions, USERS, ITEMS).apply(lambda t: t.double() if t.is_floating_point() else t)
    layer = LightGCNPropagation(num_layers)
    users = torch.randn(USERS, 2, dtype=torch.double, requires_grad=True)
    items = torch.randn(ITEMS, 2, dtype=torch.double, requires_grad=True)
    assert gradcheck(lambda u, i: layer((u, i), graph), (users, items))
    assert gradcheck(lambda u, i: layer((u, i), graph)[1], (users, items))


def test_the_gradient_equals_that_of_plain_autograd(x, interactions):
    block = bipartite_graph(interactions, USERS, ITEMS)
    dense, target = square_adjacency(block).to_dense(), torch.randn(USERS + ITEMS, WIDTH)
    x.requires_grad_()
    (ours,) = torch.autograd.grad((torch.cat(LightGCNPropagation(3)(x.split([USERS, ITEMS]), block)) * target).sum(), x)
    (plain,) = torch.autograd.grad((layer_mean(x, dense, 3) * target).sum(), x)
    torch.testing.assert_close(ours, plain)


@pytest.mark.parametrize("num_layers", [0, 2])
def test_the_input_is_left_unchanged_and_the_output_is_new_memory(x, interactions, num_layers):
    block, layer = bipartite_graph(interactions, USERS, ITEMS), LightGCNPropagation(num_layers)
    users, items = x[:USERS].clone(), x[USERS:].clone()
    for out in (*layer((users, items), block), layer(x.clone(), square_adjacency(block))):
        out.zero_()
    assert torch.equal(users, x[:USERS]) and torch.equal(items, x[USERS:])


def test_isolated_nodes_keep_their_share_of_their_own_vector(x, interactions):
    users, items = LightGCNPropagation(2)((x[:USERS], x[USERS:]), bipartite_graph(interactions, USERS, ITEMS))
    torch.testing.assert_close(users[-1], x[USERS - 1] / 3)
    torch.testing.assert_close(items[-1], x[-1] / 3)


def test_repr_names_the_layers():
    assert repr(LightGCNPropagation(3)) == "LightGCNPropagation(num_layers=3)"
    assert LightGCNPropagation().num_layers == 2


def test_the_layer_takes_what_pyg_users_have():
    edge_index = torch.tensor([[0, 0, 1, 2], [1, 3, 0, 3]])  # users 0..2, items 0..3
    x = torch.randn(3, 5), torch.randn(4, 5)
    layer = LightGCNPropagation(2)
    expected = layer(x, SparseGraph.from_edges(edge_index[0], edge_index[1], (3, 4)))
    data = HeteroData()
    data["user"].num_nodes, data["item"].num_nodes = 3, 4
    data["user", "rates", "item"].edge_index = edge_index
    for source in (edge_index, EdgeIndex(edge_index, sparse_size=(3, 4)), data):
        assert all(torch.equal(a, b) for a, b in zip(layer(x, source), expected, strict=True))
    square = torch.tensor([[0, 1, 2], [1, 2, 0]])
    assert torch.equal(layer(x[0], square), layer(x[0], SparseGraph.from_edges(square[1], square[0], (3, 3))))


def test_a_bipartite_graph_of_another_shape_is_refused():
    graph = SparseGraph.from_edges(torch.tensor([0]), torch.tensor([1]), (4, 3))
    with pytest.raises(ValueError, match="4x3, not 3 users x 4 items"):
        LightGCNPropagation(1)((torch.randn(3, 2), torch.randn(4, 2)), graph)
