import pytest
import torch

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.held_out import held_out_pairs, known_pairs
from brmrs_graph.evaluation import rank


@pytest.mark.parametrize("split", ["valid", "test"])
def test_pairs_are_those_of_the_split_by_the_users_of_its_rankings(toy: MultimodalDataset, split: str) -> None:
    pairs = held_out_pairs(toy, split)
    dense = torch.from_numpy(toy.split(split).toarray())
    assert torch.equal(torch.stack([pairs.users, pairs.items], dim=1), dense.nonzero())
    branches = Branches({"fused": torch.ones(toy.num_users, 1)}, {"fused": torch.ones(toy.num_items, 1)})
    assert torch.equal(pairs.everyone, rank(branches, toy.train, toy.split(split))["fused"].users)


def test_users_without_held_out_items_have_no_row(toy: MultimodalDataset) -> None:
    test = toy.test.tolil()
    test[[0, 5]] = 0
    pairs = held_out_pairs(MultimodalDataset("less", toy.train, toy.valid, test.tocsr()))
    assert pairs.everyone.tolist() == [user for user in range(toy.num_users) if user not in (0, 5)]
    assert pairs.row.tolist() == sorted(pairs.row.tolist()) and int(pairs.row.max()) == pairs.everyone.numel() - 1


def test_known_are_the_pairs_of_all_splits_once(toy: MultimodalDataset) -> None:
    everything = sum(torch.from_numpy(toy.split(split).toarray()) for split in ("train", "valid", "test"))
    assert isinstance(everything, torch.Tensor) and torch.equal(known_pairs(toy).t(), everything.nonzero())
