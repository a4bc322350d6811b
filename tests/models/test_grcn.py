from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import GRCN, create_model
from tests.models.dense import Pair, interactions, projected, state_of, unit

MakeData = Callable[..., MultimodalDataset]
MakeModel = Callable[..., GRCN]


@pytest.fixture
def make_model(small: Callable[..., Any]) -> MakeModel:
    def make(data: MultimodalDataset, **options: Any) -> GRCN:
        model = create_model("grcn", data, small("grcn", content_dim=5, **options))
        assert isinstance(model, GRCN)
        generator = torch.Generator().manual_seed(0)
        for confidence in (model.user_confidence, model.item_confidence):  # they start close to 0: try others
            confidence.data = torch.randn(confidence.shape, generator=generator)
        return model

    return make


def attention(score: Tensor, edges: Tensor) -> Tensor:
    """Softmax over the edges of every row, 0 elsewhere."""
    exp = torch.exp(score) * edges
    return exp / exp.sum(1, keepdim=True).clamp(min=1e-12)


def dense_tables(model: GRCN, data: MultimodalDataset) -> dict[str, Pair]:
    state, config, r = state_of(model), model.config, interactions(data)
    tables, confident = {}, ([], [])
    for number, m in enumerate(data.modalities):
        x = projected(data, state, m)
        item = unit(torch.where(x > 0, x, 0.01 * x))
        user = unit(state[f"user.{m}"])
        known = r * ~data.missing[m]
        known = torch.where(known.sum(1, keepdim=True) > 0, known, r)
        for _ in range(config.routing):
            user = unit(user + attention(user @ item.T, known) @ item)
        weights = attention(user @ item.T, known), attention(item @ user.T, r.T)
        tables[m] = user + weights[0] @ item, item + weights[1] @ user
        confident[0].append(weights[0] * state["item_confidence"][:, number])
        confident[1].append(weights[1] * state["user_confidence"][:, number])
    refined = [torch.stack(each).amax(0) for each in confident]
    if config.prune:
        refined = [weight.clamp(min=0) for weight in refined]
    layer = total = unit(state["user_id"]), unit(state["item_id"])
    for _ in range(config.num_layers):
        layer = refined[0] @ layer[1], refined[1] @ layer[0]
        total = total[0] + layer[0], total[1] + layer[1]
    return {"id": total} | tables


@pytest.mark.parametrize("missing", [0.0, 0.25])
@pytest.mark.parametrize("options", [{}, {"routing": 0, "num_layers": 1}, {"prune": True, "num_layers": 3}])
@pytest.mark.parametrize("modalities", [("visual", "textual"), ("acoustic", "visual", "textual"), ("textual",)])
def test_equals_the_dense_computation(
    modalities: tuple[str, ...],
    options: dict[str, Any],
    missing: float,
    make_data: MakeData,
    make_model: MakeModel,
    close: Callable[..., None],
    agree: Callable[..., None],
) -> None:
    data = make_data(modalities, missing=missing, isolated=True)
    model = make_model(data, **options)
    tables, branches = dense_tables(model, data), model()
    assert branches.names == ("id", *modalities, "fused") and branches.modalities == modalities
    agree(branches, tables)
    fused = sum(user @ item.T for user, item in tables.values())
    close(branches.score_all("fused", torch.arange(data.num_users)), fused)


def test_gradients_equal_those_of_the_dense_computation(toy: MultimodalDataset, make_model: MakeModel) -> None:
    """Finite differences of the dense formulas, along a random direction for each parameter."""
    model = make_model(toy).double()
    weight = torch.randn(toy.num_users, toy.num_items, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (model().score_all("fused", torch.arange(toy.num_users)) * weight).sum().backward()
    for parameter in model.parameters():
        direction = torch.randn(parameter.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
        values, step = [], 1e-5
        for sign in (1, -2):
            with torch.no_grad():
                parameter += sign * step * direction
            values.append(float(sum((u @ i.T * weight).sum() for u, i in dense_tables(model, toy).values())))
        with torch.no_grad():
            parameter += step * direction
        slope = (values[0] - values[1]) / (2 * step)
        assert parameter.grad is not None
        assert float((parameter.grad * direction).sum()) == pytest.approx(slope, rel=1e-3, abs=1e-4)


def test_weight_decay_sees_the_free_vectors(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy)
    users, items = torch.tensor([2, 0]), torch.tensor([4, 4, 1])
    rows = model.batch_parameters(users, items)
    expected = [model.item_id[items], model.user_id[users], model.user["visual"][users], model.user["textual"][users]]
    assert all(torch.equal(row, other) for row, other in zip(rows, expected, strict=True))
