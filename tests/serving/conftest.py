"""Small models to be asked: dense and sparse, with ids that are easily damaged."""

from dataclasses import replace

import pytest
import torch

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.serving import KeptData, TrainedModel
from brmrs_graph.sparse_branches import SparseBranches
from tests.conftest import toy_data

NUM_USERS, NUM_ITEMS = 150, 200

ODD_IDS = (
    *("007", "7", "1e5", "0x1F", "NaN", "None", "null", "-1", "3.0", "True", " spaced ", "a,b", 'say "so"', "tab\tend"),
    *("línea\nnueva", "日本語", "👗", "\u00e9", "e\u0301", "x" * 5000, "../up", "nul\0byte", "=1+1"),
)
"""Numbers that are none, what readers take for nothing, separators, quotes, two spellings of é, long ones."""


@pytest.fixture(scope="session")
def data() -> MultimodalDataset:
    """150 users with 6 training items each of 200; the last user and the last item have none."""
    made = toy_data(num_users=NUM_USERS, num_items=NUM_ITEMS, isolated=True)
    users = [*ODD_IDS, *(f"u{number}" for number in range(NUM_USERS - len(ODD_IDS)))]
    items = [*reversed(ODD_IDS), *(f"i{number}" for number in range(NUM_ITEMS - len(ODD_IDS)))]
    return replace(made, user_ids=users, item_ids=items, texts=["", *(f"text of {item}" for item in items[1:])])


@pytest.fixture(scope="session")
def dense(data: MultimodalDataset) -> TrainedModel:
    """Random vectors in three branches; items 30 and 31 are equal, item 40 has no visual vector."""
    generator = torch.Generator().manual_seed(0)
    users, items = (
        {
            name: torch.randn(size, dim, generator=generator)
            for name, dim in (("visual", 5), ("textual", 7), (FUSED, 12))
        }
        for size in (NUM_USERS, NUM_ITEMS)
    )
    for table in items.values():
        table[31] = table[30]
    items["visual"][40] = 0
    return TrainedModel(Branches(users, items, ("visual", "textual")), KeptData.of(data))


@pytest.fixture(scope="session")
def sparse(data: MultimodalDataset) -> TrainedModel:
    """Users are what they took, items have similarities to five others."""
    generator = torch.Generator().manual_seed(1)
    row = torch.arange(NUM_ITEMS).repeat_interleave(5)
    col = (row + torch.arange(5).repeat(NUM_ITEMS) * 7 + 1) % NUM_ITEMS
    neighbors = SparseGraph.from_edges(row, col, (NUM_ITEMS, NUM_ITEMS), torch.rand(row.numel(), generator=generator))
    history = SparseGraph.from_scipy(data.train)
    names = ("visual", FUSED)
    branches = SparseBranches(dict.fromkeys(names, history), dict.fromkeys(names, neighbors), ("visual",))
    return TrainedModel(branches, KeptData.of(data))


@pytest.fixture(params=["dense", "sparse"])
def model(request: pytest.FixtureRequest) -> TrainedModel:
    """Each of the two."""
    found: TrainedModel = request.getfixturevalue(request.param)
    return found
