from collections.abc import Callable
from typing import Any

import torch

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import BPRMF, create_model


def test_scores_are_dot_products_of_free_vectors(
    toy: MultimodalDataset, small: Callable[..., Any], close: Callable[..., None]
) -> None:
    model = create_model("bprmf", toy, small("bprmf", dim=5))
    assert isinstance(model, BPRMF) and model.user.shape == (toy.num_users, 5)
    close(model().score_all("fused", torch.arange(toy.num_users)), model.user @ model.item.T)


def test_batch_parameters_are_the_rows_of_the_batch(toy: MultimodalDataset) -> None:
    model = create_model("bprmf", toy)
    assert isinstance(model, BPRMF)
    users, items = torch.tensor([3, 3, 0]), torch.tensor([1, 2, 1, 5])
    rows = model.batch_parameters(users, items)
    assert torch.equal(rows[0], model.user[users]) and torch.equal(rows[1], model.item[items])
