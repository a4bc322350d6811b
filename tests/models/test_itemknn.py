from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import ItemKNNConfig, create_model

MakeData = Callable[..., MultimodalDataset]


def dense_scores(data: MultimodalDataset, k: int, shrink: float) -> Tensor:
    """Sums of shrunk cosines over the k nearest neighbours of each item, ties to the lower id."""
    r = torch.from_numpy(data.train.toarray()).double()
    shared, size = r.t() @ r, r.sum(0)
    similarity = shared / (torch.outer(size, size).sqrt() + shrink).clamp(min=1e-12)
    kept = torch.zeros_like(similarity)
    for i in range(data.num_items):
        others = [j for j in range(data.num_items) if j != i and shared[i, j] > 0]
        nearest = sorted(others, key=lambda j: (-round(float(similarity[i, j]), 9), j))[:k]
        kept[i, nearest] = similarity[i, nearest]
    return r @ kept.t()


@pytest.mark.parametrize(("k", "shrink"), [(3, 0.0), (3, 2.0), (100, 1.0)])
def test_scores_are_sums_of_similarities_to_the_history(
    k: int, shrink: float, make_data: MakeData, close: Callable[..., None]
) -> None:
    data = make_data(isolated=True)
    branches = create_model("itemknn", data, ItemKNNConfig(k, shrink))()
    users = torch.arange(data.num_users)
    expected = dense_scores(data, k, shrink)
    close(branches.score_all("fused", users), expected)
    assert not expected[-1].any() and branches.modalities == () and branches.names == ("fused",)


def test_neither_content_nor_held_out_pairs_matter(toy: MultimodalDataset) -> None:
    users = torch.arange(toy.num_users)
    other = replace(toy, valid=toy.test, test=toy.valid, features={}, missing={})
    first, second = (create_model("itemknn", data)().score_all("fused", users) for data in (toy, other))
    assert first.any() and torch.equal(first, second)
