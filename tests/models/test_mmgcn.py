from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import MMGCN, MMGCNConfig, create_model
from tests.models.dense import Pair, interactions, linear, projected, state_of

MakeData = Callable[..., MultimodalDataset]


def mean_of_neighbours(r: Tensor) -> Tensor:
    return r / r.sum(1, keepdim=True).clamp(min=1)


def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.01 * x)


def dense_tables(model: MMGCN, data: MultimodalDataset, config: MMGCNConfig) -> dict[str, Pair]:
    state, r = state_of(model), interactions(data)
    send = mean_of_neighbours(r), mean_of_neighbours(r.T)
    identity = state["user_id"], state["item_id"]
    tables = {}
    for m in data.modalities:
        x = state[f"user.{m}"], projected(data, state, m)
        for number in range(config.num_layers):
            name, sides = f"layers.{m}.{number}", []
            for side in (0, 1):
                received = leaky(send[side] @ (x[1 - side] @ state[f"{name}.message.weight"].T))
                own = leaky(linear(state, f"{name}.own", x[side])) + identity[side]
                if config.combination == "concat":
                    sides.append(leaky(linear(state, f"{name}.combine", torch.cat([received, own], dim=1))))
                else:
                    sides.append(leaky(linear(state, f"{name}.combine", received) + own))
            x = sides[0], sides[1]
        tables[m] = x
    total = [sum(pair[side] for pair in tables.values()) for side in (0, 1)]
    return tables | {"fused": (total[0], total[1])}


@pytest.mark.parametrize("combination", ["sum", "concat"])
@pytest.mark.parametrize(
    ("modalities", "num_layers"),
    [(("visual", "textual"), 2), (("acoustic", "visual", "textual"), 1), (("textual",), 3)],
)
def test_equals_the_dense_computation(
    modalities: tuple[str, ...],
    num_layers: int,
    combination: str,
    make_data: MakeData,
    small: Callable[..., Any],
    agree: Callable[..., None],
) -> None:
    data = make_data(modalities, missing=0.25, isolated=True)
    config = small("mmgcn", num_layers=num_layers, combination=combination)
    model = create_model("mmgcn", data, config)
    assert isinstance(model, MMGCN)
    branches = model()
    assert branches.names == (*modalities, "fused") and branches.modalities == modalities
    agree(branches, dense_tables(model, data, config))


@pytest.mark.parametrize("combination", ["sum", "concat"])
def test_gradients_reach_every_parameter_of_both_combinations(
    combination: str, toy: MultimodalDataset, small: Callable[..., Any]
) -> None:
    model = create_model("mmgcn", toy, small("mmgcn", combination=combination))
    model().score_all("fused", torch.arange(toy.num_users)).sin().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.any()), f"no gradient reaches {name}"


def test_weight_decay_sees_the_free_vectors(toy: MultimodalDataset) -> None:
    model = create_model("mmgcn", toy)
    assert isinstance(model, MMGCN)
    users, items = torch.tensor([2, 0]), torch.tensor([4, 4, 1])
    rows = model.batch_parameters(users, items)
    expected = [model.item_id[items], model.user_id[users], model.user["visual"][users], model.user["textual"][users]]
    assert all(torch.equal(row, other) for row, other in zip(rows, expected, strict=True))
