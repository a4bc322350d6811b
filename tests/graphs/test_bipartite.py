import torch

from brmrs_graph.graphs import SparseGraph, bipartite_graph, drop_edges, square_adjacency


def interactions(num_users=6, num_items=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    dense = (torch.rand(num_users, num_items, generator=generator) < 0.5).float()
    dense[-1], dense[:, -1] = 0, 0  # a user and an item without interactions
    return dense


def normalized(dense):
    """D^-1/2 A D^-1/2 of the square adjacency of a |U|x|I| block, by dense algebra."""
    users, items = dense.shape
    square = torch.zeros(users + items, users + items)
    square[:users, users:], square[users:, :users] = dense, dense.t()
    scale = square.sum(1).pow(-0.5)
    scale[scale.isinf()] = 0
    return scale[:, None] * square * scale


def test_block_and_square_adjacency_equal_the_dense_normalisation():
    dense = interactions()
    graph = bipartite_graph(dense.nonzero().t(), *dense.shape)
    expected = normalized(dense)
    torch.testing.assert_close(graph.to_dense(), expected[:6, 6:])
    torch.testing.assert_close(square_adjacency(graph).to_dense(), expected)


def test_square_adjacency_is_its_own_transpose():
    dense = interactions()
    square = square_adjacency(bipartite_graph(dense.nonzero().t(), *dense.shape))
    assert square.t() is square
    by_hand = SparseGraph.from_edges(square.col, square.row, square.shape, square.weight)
    torch.testing.assert_close(by_hand.to_dense(), square.to_dense())


def test_dropping_edges_keeps_a_subset_and_normalises_it_anew():
    dense = interactions(20, 15)
    graph = bipartite_graph(dense.nonzero().t(), *dense.shape)
    dropped = drop_edges(graph, 0.5, torch.Generator().manual_seed(1))
    kept = (dropped.to_dense() > 0).float()
    assert 0 < dropped.num_edges < graph.num_edges
    assert bool((kept <= dense).all())
    torch.testing.assert_close(dropped.to_dense(), normalized(kept)[:20, 20:])


def test_dropping_no_edge_gives_the_graph_back():
    dense = interactions()
    graph = bipartite_graph(dense.nonzero().t(), *dense.shape)
    torch.testing.assert_close(drop_edges(graph, 1.0).to_dense(), graph.to_dense())


def test_share_of_kept_edges_is_the_one_asked_for():
    graph = bipartite_graph(torch.ones(100, 100).nonzero().t(), 100, 100)
    kept = drop_edges(graph, 0.3, torch.Generator().manual_seed(0)).num_edges
    assert abs(kept - 3000) < 5 * (10_000 * 0.3 * 0.7) ** 0.5


def test_dropping_is_reproducible_from_a_generator_and_differs_between_seeds():
    graph = bipartite_graph(torch.ones(8, 8).nonzero().t(), 8, 8)
    first, again, other = (drop_edges(graph, 0.5, torch.Generator().manual_seed(seed)).to_dense() for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
