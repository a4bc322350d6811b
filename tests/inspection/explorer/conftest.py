import numpy as np
import pytest
import torch

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset

from ...conftest import MakeData


def random_branches(data: MultimodalDataset, seed: int = 0) -> Branches:
    """Embeddings of two modalities and their sum as the fused score; few different values, so that scores tie."""
    generator = torch.Generator().manual_seed(seed)
    sides = []
    for count in (data.num_users, data.num_items):
        side = {name: torch.randint(-2, 3, (count, 3), generator=generator).float() for name in ("visual", "textual")}
        sides.append(side | {"fused": torch.cat(list(side.values()), dim=1)})
    return Branches(*sides, ("visual", "textual"))


@pytest.fixture(scope="module")
def data(make_data: MakeData) -> MultimodalDataset:
    """A small data set in which items lack modalities and one item and one user have no interaction."""
    return make_data(num_users=60, num_items=40, missing=0.1, isolated=True)


@pytest.fixture(scope="module")
def branches(data: MultimodalDataset) -> Branches:
    return random_branches(data)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
