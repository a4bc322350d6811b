from collections.abc import Callable
from typing import Any

import pytest
import torch

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import MGCN
from tests.models.conftest import maker
from tests.models.dense import (
    Pair,
    degree_normalised,
    infonce,
    interactions,
    lightgcn,
    linear,
    nearest,
    projected,
    sigmoid,
    state_of,
)

MakeModel = Callable[..., MGCN]


@pytest.fixture
def make_model() -> MakeModel:
    return maker("mgcn", MGCN)


def dense_tables(model: MGCN, data: MultimodalDataset) -> dict[str, Pair]:
    state, config = state_of(model), model.config
    r = degree_normalised(interactions(data))
    tables = {}
    for m in data.modalities:
        neighbor, cosine = nearest(data, m, config.k)
        graph = neighbor * cosine.clamp(min=0)
        scale = torch.where(graph.sum(1) > 0, graph.sum(1).clamp(min=1e-12) ** -0.5, 0.0)
        graph = scale[:, None] * graph * scale
        purified = state["item"] * sigmoid(linear(state, f"purifier.{m}", projected(data, state, m)))
        purified = purified * ~data.missing[m][:, None]
        items = torch.linalg.matrix_power(graph, config.item_layers) @ purified
        tables[m] = r @ items, items
    behaviour = lightgcn(r, (state["user"], state["item"]), config.num_layers)
    content = []
    for side in (0, 1):
        views = [tables[m][side] for m in data.modalities]
        there = [(~data.missing[m]).double() for m in data.modalities]
        if side == 0:  # those of whose items any has it
            there = [(interactions(data) @ has > 0).double() for has in there]
        there = [has[:, None] for has in there]
        logits = [torch.tanh(linear(state, "attention.0", x)) @ state["attention.2.weight"].T for x in views]
        total = sum(torch.exp(x) * has for x, has in zip(logits, there, strict=True)).clamp(min=1e-12)
        weights = [torch.exp(x) * has / total for x, has in zip(logits, there, strict=True)]
        shared = sum(weight * x for weight, x in zip(weights, views, strict=True))
        total = shared
        for m, x, has in zip(data.modalities, views, there, strict=True):
            own = sigmoid(linear(state, f"preference.{m}", behaviour[side])) * (x - shared)
            total = total + has * own / sum(there).clamp(min=1)
        content.append(total)
    fused = behaviour[0] + content[0], behaviour[1] + content[1]
    return tables | {"id": behaviour, "content": (content[0], content[1]), "fused": fused}


@pytest.mark.parametrize("missing", [0.0, 0.25])
@pytest.mark.parametrize("options", [{}, {"num_layers": 1, "item_layers": 2, "k": 12}])  # 12: some cosines are negative
@pytest.mark.parametrize("modalities", [("visual", "textual"), ("acoustic", "visual", "textual"), ("textual",)])
def test_equals_the_dense_computation(
    modalities: tuple[str, ...],
    options: dict[str, Any],
    missing: float,
    make_data: Callable[..., MultimodalDataset],
    make_model: MakeModel,
    agree: Callable[..., None],
) -> None:
    data = make_data(modalities, missing=missing, isolated=True)
    model = make_model(data, **options)
    tables = dense_tables(model, data)
    branches = model()
    assert branches.names == (*modalities, "id", "fused") and branches.modalities == modalities
    agree(branches, {name: tables[name] for name in branches.names})


def test_contrast_is_infonce_from_content_to_behaviour(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy, contrast=0.7, temperature=0.5)
    tables = dense_tables(model, toy)
    users, positives = torch.tensor([3, 3, 0, 5]), torch.tensor([1, 7, 7, 2])
    losses = model.losses(model(), users, positives, torch.tensor([0, 0, 5, 6]))
    expected = sum(
        infonce(tables["content"][side][ids], tables["id"][side][ids], 0.5)
        for side, ids in ((0, [0, 3, 5]), (1, [1, 2, 7]))
    )
    assert list(losses) == ["contrast"] and losses["contrast"].item() == pytest.approx(0.7 * expected, rel=1e-4)
    assert make_model(toy, contrast=0.0).losses(model(), users, positives, positives) == {}


def test_an_item_without_a_modality_has_no_content_in_it(
    make_data: Callable[..., MultimodalDataset], make_model: MakeModel
) -> None:
    data = make_data(missing=0.3)
    branches = make_model(data)()
    for m in data.modalities:
        assert torch.equal((branches.items(m) == 0).all(dim=1), data.missing[m])


def test_weight_decay_sees_the_free_vectors(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy)
    users, items = model.batch_parameters(torch.tensor([2, 0]), torch.tensor([4, 4, 1]))
    assert torch.equal(users, model.user[[2, 0]]) and torch.equal(items, model.item[[4, 4, 1]])
