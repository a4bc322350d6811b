from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import MENTOR, create_model
from brmrs_graph.nn import dropout
from tests.models.dense import (
    Pair,
    cosine,
    degree_normalised,
    frozen_graph,
    infonce,
    interactions,
    layers,
    linear,
    standardised,
    state_of,
    unit,
)

MakeModel = Callable[..., MENTOR]
BETA = {"visual": 0.1, "textual": 0.9}


@pytest.fixture
def make_model(small: Callable[..., Any]) -> MakeModel:
    def make(data: MultimodalDataset, **options: Any) -> MENTOR:
        model = create_model("mentor", data, small("mentor", **options))
        assert isinstance(model, MENTOR)
        # They start alike: try others.
        model.weight.data = torch.rand(model.weight.shape, generator=torch.Generator().manual_seed(0))
        return model

    return make


def start(model: MENTOR, data: MultimodalDataset, c: str) -> Pair:
    state = state_of(model)
    if c == "id":
        return unit(state["user.id"]), unit(state["item"])
    x = linear(state, f"content.layers.{c}.0", standardised(data, c))
    x = linear(state, f"content.layers.{c}.2", torch.where(x > 0, x, 0.01 * x))
    return unit(state[f"user.{c}"]), unit(x * ~data.missing[c][:, None])


def smoothed(model: MENTOR, data: MultimodalDataset, pairs: list[Pair]) -> Pair:
    """The sum over layers, and on the item side its smoothing added."""
    users, items = (torch.stack(side).sum(0) for side in zip(*pairs, strict=True))
    graph = torch.linalg.matrix_power(frozen_graph(data, model.config.k, BETA), model.config.item_layers)
    return users, items + graph @ items


def dense_channels(model: MENTOR, data: MultimodalDataset) -> dict[str, Pair]:
    """Of the ID and all modalities, before users' weights."""
    r = degree_normalised(interactions(data))
    return {
        c: smoothed(model, data, layers(r, start(model, data, c), model.config.num_layers))
        for c in (*data.modalities, "id")
    }


def dense_fused(model: MENTOR, data: MultimodalDataset, channels: dict[str, Pair]) -> Pair:
    weight = model.weight.detach().double()
    users = [weight[:, n : n + 1] * channels[m][0] for n, m in enumerate(data.modalities)]
    return torch.cat(users, dim=1), torch.cat([channels[m][1] for m in data.modalities], dim=1)


@pytest.mark.parametrize("missing", [0.0, 0.25])
@pytest.mark.parametrize("options", [{}, {"num_layers": 3, "item_layers": 2}])
def test_equals_the_dense_computation(
    options: dict[str, Any],
    missing: float,
    make_data: Callable[..., MultimodalDataset],
    make_model: MakeModel,
    close: Callable[..., None],
) -> None:
    data = make_data(missing=missing, isolated=True)
    model = make_model(data, **options)
    channels, branches = dense_channels(model, data), model()
    assert branches.names == ("visual", "textual", "fused") and branches.modalities == data.modalities
    for n, m in enumerate(data.modalities):
        close(branches.users(m), model.weight.detach()[:, n : n + 1] * channels[m][0])
        close(branches.items(m), channels[m][1])
    users, items = dense_fused(model, data, channels)
    close(branches.score_all("fused", torch.arange(data.num_users)), users @ items.T)


def test_alignment_is_of_means_and_variances_on_all_levels(
    make_data: Callable[..., MultimodalDataset], make_model: MakeModel
) -> None:
    data = make_data(missing=0.2)
    model = make_model(data, align=0.7, mask=0.0, perturb=0.0)
    channels = dense_channels(model, data)
    levels = [torch.cat(pair) for pair in (*channels.values(), dense_fused(model, data, channels))]
    assert len(levels) == 4
    expected = sum(float((a.mean() - b.mean()).abs() + (a.var() - b.var()).abs()) for a, b in combinations(levels, 2))
    ids = torch.arange(4)
    losses = model.losses(model(), ids, ids, ids)
    assert list(losses) == ["align"] and losses["align"].item() == pytest.approx(0.7 * expected, rel=1e-4)


def test_masked_vectors_are_predicted(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy, align=0.0, mask=0.7, perturb=0.0, dropout=0.4)
    model.begin_epoch(torch.Generator().manual_seed(3))
    ids = torch.tensor([3, 3, 0, 5]), torch.tensor([1, 7, 7, 2])
    losses = model.losses(model(), *ids, ids[1])
    generator, expected = torch.Generator().manual_seed(3), 0.0
    for table, rows in zip(dense_fused(model, toy, dense_channels(model, toy)), ids, strict=True):
        predicted = linear(state_of(model), "predictor", table[rows])
        expected += 1 - float(cosine(predicted, dropout(table[rows], 0.4, generator)).mean())
    assert list(losses) == ["mask"] and losses["mask"].item() == pytest.approx(0.7 * expected, rel=1e-4)


def test_masked_vectors_are_targets_only(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy, align=0.0, perturb=0.0)
    torch.nn.init.zeros_(model.predictor.weight)  # so that predictions do not depend on the vectors
    ids = torch.arange(4)
    model.losses(model(), ids, ids, ids)["mask"].backward()
    assert model.predictor.weight.grad is not None and bool(model.predictor.weight.grad.any())
    assert not any(x.grad is not None and x.grad.any() for x in model.user.values())


def test_perturbed_views_are_contrasted(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy, align=0.0, mask=0.0, perturb=0.7, noise=0.3, temperature=0.5)
    model.begin_epoch(torch.Generator().manual_seed(3))
    users, positives = torch.tensor([3, 3, 0, 5]), torch.tensor([1, 7, 7, 2])
    losses = model.losses(model(), users, positives, positives)
    generator, r = torch.Generator().manual_seed(3), degree_normalised(interactions(toy))

    def noisy(x: Tensor) -> Tensor:
        return x + 0.3 * x.sign() * unit(torch.rand(x.shape, generator=generator).double())

    views = []
    for _ in range(2):
        channels = {}
        for m in toy.modalities:
            found = [start(model, toy, m)]
            for _ in range(model.config.num_layers):
                found.append((noisy(r @ found[-1][1]), noisy(r.T @ found[-1][0])))
            channels[m] = smoothed(model, toy, found)
        views.append(dense_fused(model, toy, channels))
    expected = sum(infonce(views[0][s][ids], views[1][s][ids], 0.5) for s, ids in ((0, [0, 3, 5]), (1, [1, 2, 7])))
    assert list(losses) == ["perturb"] and losses["perturb"].item() == pytest.approx(0.7 * expected, rel=1e-4)


def test_weight_decay_sees_free_vectors_and_weights(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model, users, items = make_model(toy), torch.tensor([2, 0]), torch.tensor([4, 4, 1])
    *rows, weights, item_rows = model.batch_parameters(users, items)
    for found, name in zip(rows, ("visual", "textual", "id"), strict=True):
        assert torch.equal(found, model.user[name][users])
    assert torch.equal(weights, model.weight[users]) and torch.equal(item_rows, model.item[items])
