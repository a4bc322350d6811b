import pytest
import torch

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import BRMRSConfig, create_model
from brmrs_graph.training.batch import BatchMargins, Negatives


@pytest.mark.parametrize("fusion", ["concat", "mean", "gate", "mlp"])
def test_margins_are_differences_of_the_full_score_matrix(fusion: str, toy: MultimodalDataset) -> None:
    model = create_model("brmrs", toy, BRMRSConfig(dim=4, k=3, fusion=fusion))
    generator = torch.Generator().manual_seed(0)
    users = torch.randint(toy.num_users, (30,), generator=generator)
    positives, uniform, hard = torch.randint(toy.num_items, (3, 30), generator=generator)
    negatives = Negatives()
    negatives["uniform"], negatives["visual", "textual"] = uniform, hard
    batch = BatchMargins(model(), users, positives, negatives)
    for branch in ("visual", "textual", "fused"):
        scores = model().score_all(branch, users)
        row = torch.arange(30)
        for name, items in negatives.items():
            torch.testing.assert_close(batch.margin(branch, name), scores[row, positives] - scores[row, items])


@pytest.mark.parametrize("fusion", ["concat", "mean", "gate", "mlp"])
def test_margins_of_mixed_negatives_are_those_of_mixed_vectors(fusion: str, toy: MultimodalDataset) -> None:
    model = create_model("brmrs", toy, BRMRSConfig(dim=4, k=3, fusion=fusion))
    generator = torch.Generator().manual_seed(0)
    users = torch.randint(toy.num_users, (30,), generator=generator)
    positives, items = torch.randint(toy.num_items, (2, 30), generator=generator)
    negatives = Negatives()
    negatives["hard"], negatives["plain"] = items, items
    share = negatives.shares["hard"] = torch.rand(30, generator=generator)
    batch = BatchMargins(model(), users, positives, negatives)
    for branch in model().names:
        user, item = model().users(branch)[users], model().items(branch)
        mixed = (1 - share).unsqueeze(1) * item[positives] + share.unsqueeze(1) * item[items]
        torch.testing.assert_close(batch.margin(branch, "hard"), (user * (item[positives] - mixed)).sum(1))
        torch.testing.assert_close(batch.margin(branch, "plain"), (user * (item[positives] - item[items])).sum(1))


def test_a_positive_against_itself_has_no_margin(toy: MultimodalDataset) -> None:
    users = torch.arange(toy.num_users)
    negatives = Negatives()
    negatives["same"] = users
    batch = BatchMargins(create_model("lightgcn", toy)(), users, users, negatives)
    assert not bool(batch.margin("fused", "same").any())
    with pytest.raises(KeyError):
        batch.margin("fused", "other")
