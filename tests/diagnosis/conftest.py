"""Ten users whose every diagnosis can be worked out by hand (an eleventh has no held-out item).

Item 4r + 2c + x has picture r, text c and a twin that differs in x alone. Items with the same picture and another text
are look-alikes in the pictures, items with the same text and another picture look-alikes in the texts; the twin is
close in both, and the two items with another picture and another text are far in both:

    item           0      1      2      3      4      5      6      7
    picture, text  0,0    0,0    0,1    0,1    1,0    1,0    1,1    1,1
    trained on by  2      1      -      4      -      -      -      4      users

Scores are those of the tables below, 0 where nothing is written; the fused score is their sum. Rankings are of two.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.data.dataset import csr_from_pairs
from brmrs_graph.diagnosis import CandidateSets, candidate_sets
from brmrs_graph.evaluation import Ranking, rank
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.nn.fusion import ConcatFusion

NUM_USERS, NUM_ITEMS = 11, 8
TRAIN = {0: 7, 1: 7, 2: 7, 3: 7, 4: 0, 5: 0, 6: 3, 7: 3, 8: 3, 9: 3, 10: 1}
VALID = {0: 3}
TEST = {0: [0], 1: [0], 2: [0], 3: [0], 4: [6], 5: [6], 6: [4], 7: [4], 8: [1, 6], 9: [2, 5]}
VISUAL = [
    {0: 5, 2: 3},
    {0: 3, 2: 2},
    {2: 9, 3: 8},
    {2: 9, 0: 2, 4: 1},
    {4: 6, 5: 5, 6: 4},
    {4: 3, 5: 2},
    {4: 2, 6: 1},
    {6: 2, 7: 1},
    {1: 5, 2: 4},
    {2: 5, 0: 4, 5: 3},
    {},
]
TEXTUAL = [
    {0: 5, 4: 3},
    {4: 9, 5: 8, 6: 4},
    {4: 3, 0: 2},
    {4: 9, 0: 2, 2: 1},
    {2: 6, 3: 5, 6: 4},
    {2: 3, 3: 2},
    {0: 9, 5: 8, 1: 7, 4: 6},
    {4: 5, 0: 1},
    {1: 5, 5: 4},
    {6: 6, 7: 4, 5: 3},
    {},
]
OTHER_SEEDS = [
    [[0, 2], [4, 0], [2, 3], [2, 4], [2, 6], [6, 2], [4, 0], [4, 6], [1, 2], [5, 2]],
    [[2, 0], [4, 5], [2, 3], [4, 2], [6, 2], [2, 6], [0, 4], [6, 4], [6, 1], [6, 5]],
]
"""What the fused scores of two other seeds rank first and second, by user."""


@dataclass(frozen=True)
class TenUsers:
    """The example: data, scores, top-2 rankings of the branches, and the fused ones of two other seeds."""

    data: MultimodalDataset
    branches: Branches
    rankings: dict[str, Ranking]
    other_seeds: list[Ranking]


def score_table(rows: list[dict[int, int]], num_items: int = NUM_ITEMS) -> torch.Tensor:
    """Scores as a matrix, users by items."""
    return torch.tensor([[float(row.get(item, 0)) for item in range(num_items)] for row in rows])


def table_branches(visual: torch.Tensor, textual: torch.Tensor) -> Branches:
    """Branches that score exactly as two tables (users by items) say, fused by adding up."""
    items = torch.eye(visual.size(1))
    tables = {"visual": visual, "textual": textual}
    return Branches(tables, dict.fromkeys(tables, items), ("visual", "textual"), ConcatFusion())


def ranking_of(lists: list[list[int]], held_out: dict[int, list[int]]) -> Ranking:
    """A ranking from the lists of the users with held-out items."""
    users = sorted(held_out)
    hits = [[item in held_out[user] for item in items] for user, items in zip(users, lists, strict=True)]
    relevant = torch.tensor([len(held_out[user]) for user in users])
    return Ranking(torch.tensor(users), torch.tensor(lists), torch.tensor(hits), relevant)


@pytest.fixture(scope="session")
def ten_users() -> TenUsers:
    """See the head of this file."""
    pairs = [list(TRAIN.items()), list(VALID.items()), [(u, i) for u, items in TEST.items() for i in items]]
    splits = [csr_from_pairs(*np.array(split).T, (NUM_USERS, NUM_ITEMS)) for split in pairs]
    item = torch.arange(NUM_ITEMS)
    features = {"visual": torch.eye(2)[item // 4], "textual": torch.eye(2)[item // 2 % 2]}
    data = MultimodalDataset("ten-users", *splits, features=features)
    branches = table_branches(score_table(VISUAL), score_table(TEXTUAL))
    rankings = rank(branches, data.train, data.test, k=2, names=branches.names)
    return TenUsers(data, branches, rankings, [ranking_of(lists, TEST) for lists in OTHER_SEEDS])


@pytest.fixture
def ten_sets(ten_users: TenUsers) -> CandidateSets:
    """The comparisons of the ten users, with each far item once, where it may be drawn often."""
    sets = candidate_sets(ten_users.data, k=3)
    far = {}
    for direction, graph in sets.far.items():
        row, col = graph.to_dense().nonzero().t()
        far[direction] = SparseGraph.from_edges(row, col, (NUM_ITEMS, NUM_ITEMS))
    return replace(sets, far=far)
