from collections.abc import Callable
from typing import Any

import torch

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import VBPR, create_model
from tests.models.dense import standardised, unit


def test_score_is_the_free_term_plus_one_content_term_per_modality(
    make_data: Callable[..., MultimodalDataset], small: Callable[..., Any], close: Callable[..., None]
) -> None:
    data = make_data(missing=0.2)
    model = create_model("vbpr", data, small("vbpr"))
    assert isinstance(model, VBPR)
    users = torch.arange(data.num_users)
    expected = {"id": model.user["id"] @ model.item.T}
    for name in data.modalities:
        vectors = unit(standardised(data, name)).float()
        expected[name] = model.user[name] @ (vectors @ model.project[name].weight.T).T
    assert model().names == ("id", "visual", "textual", "fused")
    assert model().modalities == ("visual", "textual")
    for name, scores in expected.items():
        close(model().score_all(name, users), scores)
    close(model().score_all("fused", users), sum(expected.values()))


def test_items_that_lack_a_modality_score_nothing_in_it(make_data: Callable[..., MultimodalDataset]) -> None:
    data = make_data(missing=0.3)
    branches = create_model("vbpr", data)()
    for name in data.modalities:
        zero = (branches.score_all(name, torch.arange(data.num_users)) == 0).all(dim=0)
        assert torch.equal(zero, data.missing[name])


def test_batch_parameters_are_the_projections_all_user_vectors_and_the_free_item_vectors(
    toy: MultimodalDataset,
) -> None:
    model = create_model("vbpr", toy)
    assert isinstance(model, VBPR)
    users, items = torch.tensor([2, 0]), torch.tensor([4, 4, 1])
    visual, textual, *user_rows, item_rows = model.batch_parameters(users, items)
    assert visual is model.project["visual"].weight and textual is model.project["textual"].weight
    assert torch.equal(item_rows, model.item[items])
    for rows, name in zip(user_rows, model.user, strict=True):
        assert torch.equal(rows, model.user[name][users])
