import pytest
import torch

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import BRMRSConfig, create_model
from brmrs_graph.training.batch import BatchMargins


@pytest.mark.parametrize("fusion", ["concat", "mean", "gate", "mlp"])
def test_margins_are_differences_of_the_full_score_matrix(fusion: str, toy: MultimodalDataset) -> None:
    model = create_model("brmrs", toy, BRMRSConfig(dim=4, k=3, fusion=fusion))
    generator = torch.Generator().manual_seed(0)
    users = torch.randint(toy.num_users, (30,), generator=generator)
    positives, uniform, hard = torch.randint(toy.num_items, (3, 30), generator=generator)
    batch = BatchMargins(model(), users, positives, {"uniform": uniform, ("visual", "textual"): hard})
    for branch in ("visual", "textual", "fused"):
        scores = model().score_all(branch, users)
        row = torch.arange(30)
        for name, negatives in (("uniform", uniform), (("visual", "textual"), hard)):
            torch.testing.assert_close(batch.margin(branch, name), scores[row, positives] - scores[row, negatives])


def test_a_positive_against_itself_has_no_margin(toy: MultimodalDataset) -> None:
    users = torch.arange(toy.num_users)
    batch = BatchMargins(create_model("lightgcn", toy)(), users, users, {"same": users})
    assert not bool(batch.margin("fused", "same").any())
    with pytest.raises(KeyError):
        batch.margin("fused", "other")
