from collections.abc import Callable
from typing import Any

import pytest
import torch

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.models import BM3
from brmrs_graph.nn import dropout
from tests.models.conftest import maker
from tests.models.dense import (
    Pair,
    cosine,
    degree_normalised,
    interactions,
    lightgcn,
    linear,
    projected,
    state_of,
)

MakeModel = Callable[..., BM3]


@pytest.fixture
def make_model() -> MakeModel:
    return maker("bm3", BM3)


def dense_vectors(model: BM3, data: MultimodalDataset) -> tuple[Pair, dict[str, torch.Tensor]]:
    """User and item vectors, and those of content, before the predictor."""
    state = state_of(model)
    free = state["user"], state["item"]
    user, item = lightgcn(degree_normalised(interactions(data)), free, model.config.num_layers)
    return (user, item + state["item"]), {m: projected(data, state, m) for m in data.modalities}


@pytest.mark.parametrize("missing", [0.0, 0.25])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2}])
def test_equals_the_dense_computation(
    options: dict[str, Any],
    missing: float,
    make_data: Callable[..., MultimodalDataset],
    make_model: MakeModel,
    close: Callable[..., None],
) -> None:
    data = make_data(missing=missing, isolated=True)
    model = make_model(data, **options)
    (user, item), content = dense_vectors(model, data)
    state, branches = state_of(model), model()
    assert branches.names == ("visual", "textual", "fused") and branches.modalities == data.modalities
    for name in branches.names:
        close(branches.users(name), linear(state, "predictor", user))
    close(branches.items(), linear(state, "predictor", item))
    for m, x in content.items():
        close(branches.items(m), linear(state, "predictor", x) * ~data.missing[m][:, None])


def test_losses_predict_dropout_views_from_whole_ones(
    make_data: Callable[..., MultimodalDataset], make_model: MakeModel
) -> None:
    data = make_data(missing=0.3)
    model = make_model(data, dropout=0.4, content=0.7)
    users, positives = torch.tensor([3, 3, 0, 5, 1]), torch.tensor([1, 7, 7, 2, 9])
    assert any(0 < int(data.missing[m][positives].sum()) < 5 for m in data.modalities)
    model.begin_epoch(torch.Generator().manual_seed(3))
    losses = model.losses(model(), users, positives, positives)
    (user, item), content = dense_vectors(model, data)
    state, generator = state_of(model), torch.Generator().manual_seed(3)
    user_view, item_view = dropout(user[users], 0.4, generator), dropout(item[positives], 0.4, generator)
    online = [linear(state, "predictor", x) for x in (user[users], item[positives])]
    expected = {"reconstruct": -float((cosine(online[0], item_view) + cosine(online[1], user_view)).mean())}
    expected |= {"align": 0.0, "mask": 0.0}
    for m, x in content.items():
        there = ~data.missing[m][positives]
        predicted, view = linear(state, "predictor", x[positives]), dropout(x[positives], 0.4, generator)
        expected["align"] -= 0.7 * float(cosine(predicted, item_view)[there].mean())
        expected["mask"] -= 0.7 * float(cosine(predicted, view)[there].mean())
    assert list(losses) == list(expected)
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value, rel=1e-4)


def test_no_gradient_flows_through_the_targets(toy: MultimodalDataset, make_model: MakeModel) -> None:
    """The content losses have ID vectors as targets only."""
    model = make_model(toy)
    ids = torch.arange(toy.num_users)
    losses = model.losses(model(), ids, ids, ids)
    (losses["align"] + losses["mask"]).backward()
    assert model.item.grad is None or not bool(model.item.grad.any())
    assert model.predictor.weight.grad is not None and bool(model.predictor.weight.grad.any())


def test_weight_decay_sees_the_free_vectors(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy)
    users, items = model.batch_parameters(torch.tensor([2, 0]), torch.tensor([4, 4, 1]))
    assert torch.equal(users, model.user[[2, 0]]) and torch.equal(items, model.item[[4, 4, 1]])


def test_it_trains_on_its_own_losses_alone() -> None:
    assert BM3.default_objective == "own"


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_dropout_out_of_range_is_named(rate: float, toy: MultimodalDataset, make_model: MakeModel) -> None:
    with pytest.raises(ConfigError, match=f"dropout={rate}"):
        make_model(toy, dropout=rate)
