"""Every part on several ranks against what it is on one process."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.data.features import standardize
from brmrs_graph.distributed import Ranks, deal, rank_on_ranks, summarize_on_ranks
from brmrs_graph.distributed.bipartite import drop_sharded_edges, sharded_bipartite_graph
from brmrs_graph.distributed.branches import ShardedBranches
from brmrs_graph.distributed.content import sharded_knn_graph, standardize_on_ranks
from brmrs_graph.distributed.gather import gather_rows
from brmrs_graph.distributed.graph import ShardedGraph
from brmrs_graph.distributed.models import sharded_embedding
from brmrs_graph.distributed.objective import ShardedUniformSampler
from brmrs_graph.distributed.ranking import collect_ranking
from brmrs_graph.distributed.ranks import reported
from brmrs_graph.errors import DataError
from brmrs_graph.evaluation import Ranking, rank, summarize
from brmrs_graph.graphs import SparseGraph, bipartite_graph, drop_edges, knn_graph
from brmrs_graph.models.base import embedding
from brmrs_graph.sampling import UniformSampler

Parts = dict[str, Any]
OnRanks = Callable[..., list[Any]]
DIM, KEEP = 3, 0.5


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def vectors(data: MultimodalDataset) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """User and item vectors, of few values so that scores tie; a gradient of the users'; some ids of users."""
    g = generator()
    users, items = (torch.randint(-1, 2, (n, DIM), generator=g).float() for n in (data.num_users, data.num_items))
    return (
        users,
        items,
        torch.randn(data.num_users, DIM, generator=g),
        torch.randint(0, data.num_users, (9, 2), generator=g),
    )


def ring(size: int) -> SparseGraph:
    """A graph of items that is not symmetric: each receives from the next two."""
    nodes = torch.arange(size)
    row, col = nodes.repeat(2), torch.cat([(nodes + 1) % size, (nodes + 2) % size])
    return SparseGraph.from_edges(row, col, (size, size), 1.0 + torch.arange(2 * size))


def on_one_rank(ranks: Ranks, data: MultimodalDataset) -> Parts:
    """What a rank has of everything that is compared."""
    shard = deal(data if ranks.rank == 0 else None, ranks)
    users, items, user_grad, ids = vectors(data)
    u, i = shard.users.own, shard.items.own
    x = items[i.start : i.stop].clone().requires_grad_()
    graph = sharded_bipartite_graph(shard)
    product = graph @ x
    ranks.sent.clear()
    product.backward(user_grad[u.start : u.stop])
    halo = ranks.sent["halo"], graph.t().exchange.num_fetched
    dropped = drop_sharded_edges(graph, KEEP, shard.first_edge, shard.counts()["train"], generator())
    around = ring(data.num_items).take_rows(torch.arange(i.start, i.stop))
    table = users[u.start : u.stop].clone().requires_grad_()
    rows = gather_rows(table, ids, shard.users, ranks)
    (rows * torch.arange(1, rows.numel() + 1).view_as(rows)).sum().backward()
    name, features = next(iter(shard.features.items()))
    near = sharded_knn_graph(features, 4, missing=shard.missing[name], items=shard.items, ranks=ranks, block=3)
    branches = ShardedBranches(Branches({FUSED: users[u.start : u.stop]}, {FUSED: items[i.start : i.stop]}), shard)
    ranking = rank_on_ranks(branches, shard.test, 5, block=4)[FUSED]
    torch.manual_seed(3)
    return {
        "valid": shard.valid.toarray(),
        "missing": shard.missing[name],
        "product": product.detach(),
        "gradient": x.grad,
        "transposed product": graph.t() @ users[u.start : u.stop],
        "dropped product": dropped @ items[i.start : i.stop],
        "dropped transposed": dropped.t() @ users[u.start : u.stop],
        "ring": ShardedGraph.from_rows(around, shard.items, shard.items, ranks).t() @ items[i.start : i.stop],
        "gathered": rows.detach(),
        "gathered gradient": table.grad,
        "standardized": standardize_on_ranks(features, shard.missing[name], ranks),
        "neighbors": near.to_dense(),
        "negatives": ShardedUniformSampler(shard).draw(ids[:, 0], 5, generator()),
        "ranking": collect_ranking(ranking, u.start, ranks),
        "metrics": summarize_on_ranks(ranking, ranks, (3, 5)),
        "halo": halo,
        "drawn": sharded_embedding(shard.items, 7).detach(),
        "drawn later": torch.rand(3),
    }


@pytest.fixture(scope="module")
def data(make_data: Callable[..., MultimodalDataset]) -> MultimodalDataset:
    return make_data(num_users=14, num_items=25, missing=0.2, isolated=True)


@pytest.fixture(scope="module", params=[1, 4])
def parts(request: pytest.FixtureRequest, on_ranks: OnRanks, data: MultimodalDataset) -> list[Parts]:
    results: list[Parts] = on_ranks(request.param, on_one_rank, data)
    return results


def whole(parts: list[Parts], name: str) -> Tensor:
    return torch.cat([torch.as_tensor(part[name]) for part in parts])


def test_every_rank_gets_its_rows_of_the_data(parts: list[Parts], data: MultimodalDataset) -> None:
    assert np.array_equal(whole(parts, "valid").numpy(), data.valid.toarray())
    assert torch.equal(whole(parts, "missing"), next(iter(data.missing.values())))


def test_products_and_their_gradients_are_those_of_the_whole_graph(parts: list[Parts], data: MultimodalDataset) -> None:
    users, items, user_grad, _ = vectors(data)
    graph = bipartite_graph(data.train_edges, data.num_users, data.num_items)
    dropped = drop_edges(graph, KEEP, generator())
    assert 0 < dropped.num_edges < graph.num_edges
    expected = {
        "product": graph @ items,
        "gradient": graph.t() @ user_grad,
        "transposed product": graph.t() @ users,
        "dropped product": dropped @ items,
        "dropped transposed": dropped.t() @ users,
        "ring": ring(data.num_items).t() @ items,
    }
    for name, value in expected.items():
        assert torch.equal(whole(parts, name), value), name  # to the last bit: edges keep their order


def test_a_product_sends_every_vector_of_the_halo_once(parts: list[Parts]) -> None:
    sent, fetched = (sum(part["halo"][i] for part in parts) for i in (0, 1))
    assert sent == fetched * DIM * 4 and (fetched > 0) == (len(parts) > 1)


def test_gathered_rows_are_the_same_on_all_ranks_and_give_gradients_to_their_owner(
    parts: list[Parts], data: MultimodalDataset
) -> None:
    users, _, _, ids = vectors(data)
    table = users.clone().requires_grad_()
    (table[ids] * torch.arange(1, ids.numel() * DIM + 1).view(*ids.shape, DIM)).sum().backward()
    assert all(torch.equal(part["gathered"], users[ids]) for part in parts)
    assert torch.equal(whole(parts, "gathered gradient"), table.grad)


def test_features_are_scaled_and_compared_over_all_items(parts: list[Parts], data: MultimodalDataset) -> None:
    name, x = next(iter(data.features.items()))
    torch.testing.assert_close(whole(parts, "standardized"), standardize(x, data.missing[name]), rtol=1e-5, atol=1e-6)
    near = knn_graph(x, 4, missing=data.missing[name]).to_dense()
    torch.testing.assert_close(whole(parts, "neighbors"), near, rtol=1e-5, atol=1e-6)


def test_negatives_are_the_same_on_all_ranks(parts: list[Parts], data: MultimodalDataset) -> None:
    users = vectors(data)[-1][:, 0]
    drawn = UniformSampler(data.train_edges, data.num_users, data.num_items).draw(users, 5, generator())
    assert all(torch.equal(part["negatives"], drawn) for part in parts)


def test_rankings_are_those_of_one_process_with_ties_by_id(parts: list[Parts], data: MultimodalDataset) -> None:
    users, items = vectors(data)[:2]
    expected = rank(Branches({FUSED: users}, {FUSED: items}), data.train, data.test, 5)[FUSED]
    found = parts[0]["ranking"]
    assert all(torch.equal(getattr(found, name), value) for name, value in vars(expected).items())
    assert all(part["metrics"] == pytest.approx(summarize(expected, (3, 5)), abs=1e-12) for part in parts)


def ranked(ranks: Ranks, data: MultimodalDataset) -> tuple[Ranking | None, dict[str, float]]:
    shard = deal(data if ranks.rank == 0 else None, ranks)
    users, items = vectors(data)[:2]
    u, i = shard.users.own, shard.items.own
    branches = ShardedBranches(Branches({FUSED: users[u.start : u.stop]}, {FUSED: items[i.start : i.stop]}), shard)
    ranking = rank_on_ranks(branches, shard.test, 5)[FUSED]
    return collect_ranking(ranking, u.start, ranks), summarize_on_ranks(ranking, ranks, (3, 5))


@pytest.mark.parametrize("idle", [0, 1])
def test_a_rank_may_have_no_users_to_rank(idle: int, on_ranks: OnRanks, data: MultimodalDataset) -> None:
    half = data.num_users // 2
    test = data.test.tolil()
    test[idle * half : (idle + 1) * half] = 0
    some = replace(data, test=test.tocsr())
    users, items = vectors(data)[:2]
    expected = rank(Branches({FUSED: users}, {FUSED: items}), some.train, some.test, 5)[FUSED]
    (found, metrics), (_, others) = on_ranks(2, ranked, some)
    assert set((expected.users // half).tolist()) == {1 - idle}
    assert all(torch.equal(getattr(found, name), value) for name, value in vars(expected).items())
    assert metrics == others == pytest.approx(summarize(expected, (3, 5)), abs=1e-12)


def refusal(ranks: Ranks, data: MultimodalDataset) -> str:
    shard = deal(data if ranks.rank == 0 else None, ranks)
    try:
        ShardedUniformSampler(shard)
    except DataError as error:
        return str(error)
    return ""


def test_a_user_without_negatives_is_named_by_the_global_id(on_ranks: OnRanks, data: MultimodalDataset) -> None:
    train = data.train.tolil()
    train[9] = 1
    messages = on_ranks(2, refusal, replace(data, train=train.tocsr()))
    assert messages[0] == "" and messages[1].startswith("user 9 has a training interaction with each of the 25 items")


def lacking_memory(ranks: Ranks) -> None:
    huge = torch.zeros(1).expand(2**50)
    calls: list[Callable[[], Any]] = [
        lambda: ranks.exchange(huge, [0, 0], [0, 0], "results"),
        lambda: ranks.deal(None if ranks.rank else lambda _: huge, huge.shape, huge.dtype),
        lambda: ranks.collect(huge, "results"),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="can't allocate memory"):
            call()


def test_lack_of_memory_is_not_a_lost_rank(on_ranks: OnRanks) -> None:
    on_ranks(2, lacking_memory)
    with pytest.raises(torch.OutOfMemoryError), reported(0):
        raise torch.OutOfMemoryError


def test_tables_are_drawn_as_by_one_process(parts: list[Parts], data: MultimodalDataset) -> None:
    torch.manual_seed(3)
    table, later = embedding(data.num_items, 7).detach(), torch.rand(3)
    assert torch.equal(whole(parts, "drawn"), table)
    assert all(torch.equal(part["drawn later"], later) for part in parts)
