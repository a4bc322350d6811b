import random

import numpy as np
import torch

from brmrs_graph.branches import Branches, PairScores
from brmrs_graph.sampling import CrossModalSampler, PairSet
from experiments.benchmark import loop_samplers

SEEN = loop_samplers.seen_sets([0, 0, 1], [1, 3, 0])


def test_seen_items_by_user() -> None:
    assert dict(SEEN) == {0: {1, 3}, 1: {0}}


def test_uniform_draws_all_items_but_the_seen_ones() -> None:
    drawn = loop_samplers.uniform([0, 1, 2], 200, SEEN, 5, random.Random(0))
    assert [set(row) for row in drawn] == [{0, 2, 4}, {1, 2, 3, 4}, {0, 1, 2, 3, 4}]
    assert all(len(row) == 200 for row in drawn)


def test_neighbours_are_drawn_without_the_seen_ones() -> None:
    neighbors = [np.array([1, 2, 3], dtype=np.int32), np.array([], dtype=np.int32)]
    drawn = loop_samplers.from_neighbors([0, 2, 1], [0, 0, 1], 100, neighbors, SEEN, random.Random(0))
    assert set(drawn[0]) == {2}
    assert set(drawn[1]) == {1, 2, 3}
    assert len(drawn[1]) == 100
    assert drawn[2] == []


def test_where_nothing_can_be_chosen_the_given_item_stands_in() -> None:
    vectors = np.eye(3, dtype=np.float32)
    assert loop_samplers.most_confused([2, 1], [[0, 2, 1], []], vectors, vectors, [7, 8]) == [2, 8]


def test_the_loop_chooses_what_the_library_chooses() -> None:
    generator = torch.Generator().manual_seed(0)
    users = {m: torch.randn(30, 4, generator=generator) for m in ("visual", "textual")}
    items = {m: torch.randn(20, 4, generator=generator) for m in users}
    fused = {"fused": torch.zeros(30, 1)}, {"fused": torch.zeros(20, 1)}
    branches = Branches(users | fused[0], items | fused[1], ("visual", "textual"))
    batch, pool = torch.arange(30), torch.randint(20, (30, 4), generator=generator)
    sampler = CrossModalSampler("pool", PairSet(torch.empty(2, 0, dtype=torch.int64), 20))
    ours = sampler.draw(PairScores(branches, batch, pool), torch.zeros(30, dtype=torch.int64))
    for (a, _), chosen in ours.items():
        loop = loop_samplers.most_confused(
            batch.tolist(), pool.tolist(), users[a].numpy(), items[a].numpy(), pool[:, 0].tolist()
        )
        assert loop == chosen.tolist()
