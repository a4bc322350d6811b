import torch

from brmrs_graph.graphs import SparseGraph, bipartite_graph, prune_edges


def skewed(num_users: int = 30, num_items: int = 20) -> tuple[torch.Tensor, SparseGraph]:
    """Item 0 belongs to everybody, the others to few; the last user and the last item are isolated."""
    dense = (torch.rand(num_users, num_items, generator=torch.Generator().manual_seed(0)) < 0.15).float()
    dense[:, 0] = 1
    dense[-1], dense[:, -1] = 0, 0
    return dense, bipartite_graph(dense.nonzero().t(), num_users, num_items)


def test_keeps_the_share_asked_for_and_normalises_it_anew() -> None:
    dense, graph = skewed()
    pruned = prune_edges(graph, 0.3, torch.Generator().manual_seed(1))
    kept = (pruned.to_dense() > 0).float()
    assert pruned.num_edges == int(0.3 * graph.num_edges) == int(kept.sum()) and bool((kept <= dense).all())
    left, right = (torch.where(d > 0, d.clamp(min=1) ** -0.5, 0.0) for d in (kept.sum(1), kept.sum(0)))
    torch.testing.assert_close(pruned.to_dense(), left[:, None] * kept * right)


def test_keeping_all_gives_the_graph_back() -> None:
    _, graph = skewed()
    torch.testing.assert_close(prune_edges(graph, 1.0).to_dense(), graph.to_dense())


def test_the_first_edge_is_drawn_in_proportion_to_its_weight() -> None:
    weight = torch.tensor([1.0, 2.0, 5.0])
    graph = SparseGraph.from_edges(torch.arange(3), torch.arange(3), (3, 3), weight)
    generator = torch.Generator().manual_seed(0)
    draws = 4000
    drawn = torch.stack([prune_edges(graph, 0.34, generator).col for _ in range(draws)]).flatten()
    share = torch.bincount(drawn, minlength=3) / draws
    torch.testing.assert_close(share, weight / weight.sum(), atol=4 * (0.25 / draws) ** 0.5, rtol=0)


def test_edges_of_popular_items_are_kept_more_rarely_and_the_generator_decides() -> None:
    dense, graph = skewed()
    generator = torch.Generator().manual_seed(2)
    kept = torch.stack([(prune_edges(graph, 0.3, generator).to_dense() > 0).float() for _ in range(200)]).mean(0)
    share = kept.sum(0) / dense.sum(0).clamp(min=1)
    assert share[0] < 0.8 * share[1:-1][dense.sum(0)[1:-1] > 0].mean()
    again = [prune_edges(graph, 0.3, torch.Generator().manual_seed(3)).to_dense() for _ in range(2)]
    assert torch.equal(*again)
