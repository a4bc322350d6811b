import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import LGMRec
from tests.models.conftest import maker
from tests.models.dense import unit

MakeModel = Callable[..., LGMRec]
Assign = Callable[[Tensor], Tensor]


@pytest.fixture
def make_model() -> MakeModel:
    return maker("lgmrec", LGMRec)


def dense_tables(model: LGMRec, data: MultimodalDataset, assign: Assign) -> dict[str, tuple[Tensor, Tensor]]:
    """The model once more, dense and in double precision; ``assign`` makes hyperedge weights from logits."""
    config, r = model.config, torch.from_numpy(data.train.toarray()).double()
    num_users, num_items = r.shape
    a = torch.zeros(num_users + num_items, num_users + num_items, dtype=torch.float64)
    a[:num_users, num_users:], a[num_users:, :num_users] = r, r.T
    scale = torch.where(a.sum(1) > 0, a.sum(1).clamp(min=1) ** -0.5, 0.0)
    a = scale[:, None] * a * scale
    free = torch.cat([model.user, model.item]).detach().double()
    power = torch.linalg.matrix_power
    behaviour = torch.stack([power(a, layer) @ free for layer in range(config.num_layers + 1)]).mean(0)
    tables, total = {}, torch.zeros_like(behaviour)
    for m, x in data.features.items():
        there = ~data.missing[m]
        x = (x.double() - x[there].double().mean(0)) * there[:, None]
        x = x / x[there].square().mean().sqrt()
        h = x @ model.project[m].weight.detach().double().T
        mean = r / r.sum(1, keepdim=True).clamp(min=1)
        tables[m] = unit(power(a, config.modality_layers) @ torch.cat([mean @ h, h])).split([num_users, num_items])
        logits = x @ model.hyperedge[m].weight.detach().double().T
        item_edges = assign(logits) * there[:, None]
        user_edges = assign(r @ logits)
        item = behaviour[num_users:]
        before = power(item_edges @ item_edges.T, config.hyper_layers - 1) @ item
        global_ = torch.cat([user_edges, item_edges]) @ item_edges.T @ before
        tables[f"global {m}"] = global_.split([num_users, num_items])
        total += global_
    tables["id"] = behaviour.split([num_users, num_items])
    fused = behaviour + config.alpha * unit(total) + sum(torch.cat(tables[m]) for m in data.modalities)
    return tables | {"fused": fused.split([num_users, num_items])}


VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "three user-item layers": {"num_layers": 3},
    "no modality layers": {"modality_layers": 0},
    "three modality layers": {"modality_layers": 3},
    "three hypergraph layers": {"hyper_layers": 3},
    "seven hyperedges": {"hyperedges": 7, "temperature": 0.9, "alpha": 0.8},
}


@pytest.mark.parametrize("missing", [0.0, 0.25])
@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_equals_the_dense_computation(
    options: dict[str, Any],
    missing: float,
    make_data: Callable[..., MultimodalDataset],
    make_model: MakeModel,
    agree: Callable[..., None],
) -> None:
    data = make_data(missing=missing, isolated=True)
    model = make_model(data, **options).eval()
    tables = dense_tables(model, data, lambda logits: (logits / model.config.temperature).softmax(1))
    branches = model()
    assert branches.names == ("visual", "textual", "id", "fused") and branches.modalities == data.modalities
    agree(branches, {name: tables[name] for name in branches.names})


def test_training_perturbs_and_drops_hyperedges_by_the_generator(
    toy: MultimodalDataset, make_model: MakeModel, close: Callable[..., None]
) -> None:
    model = make_model(toy, keep=0.6).train()
    model.begin_epoch(torch.Generator().manual_seed(3))
    branches, again = model(), model()
    assert not torch.equal(branches.users(), again.users())  # every step draws anew
    generator = torch.Generator().manual_seed(3)

    def assign(logits: Tensor) -> Tensor:
        u = torch.rand(logits.shape, generator=generator).double()
        weights = torch.exp((logits + u.log() - (1 - u).log()) / 0.2)
        kept = torch.rand(logits.shape, generator=generator) >= 0.4
        return weights / weights.sum(1, keepdim=True) * kept / 0.6

    tables = dense_tables(model, toy, assign)
    for name in branches.names:
        torch.testing.assert_close(branches.users(name).double(), tables[name][0], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(branches.items(name).double(), tables[name][1], rtol=1e-3, atol=1e-4)


def test_contrast_is_infonce_between_global_embeddings(
    make_data: Callable[..., MultimodalDataset], make_model: MakeModel
) -> None:
    data = make_data(("visual", "textual", "acoustic"))
    model = make_model(data, contrast=0.7, temperature=0.5).eval()
    tables = dense_tables(model, data, lambda logits: (logits / 0.5).softmax(1))
    users, positives = torch.tensor([3, 3, 0, 5]), torch.tensor([1, 7, 7, 2])
    expected = 0.0
    for side, ids in ((0, [0, 3, 5]), (1, [1, 2, 7])):
        for one, other in (("visual", "textual"), ("visual", "acoustic"), ("textual", "acoustic")):
            a, b = (unit(tables[f"global {m}"][side])[ids] for m in (one, other))
            for i in range(3):
                weights = [math.exp(float(a[i] @ b[j]) / 0.5) for j in range(3)]
                expected -= math.log(weights[i] / sum(weights)) / 3 / 3
    losses = model.losses(model(), users, positives, positives)
    assert list(losses) == ["contrast"] and losses["contrast"].item() == pytest.approx(0.7 * expected, rel=1e-4)


def test_one_modality_has_nothing_to_contrast_with(
    make_data: Callable[..., MultimodalDataset], make_model: MakeModel
) -> None:
    model = make_model(make_data(("textual",)))
    ids = torch.tensor([0, 1])
    assert model.losses(model(), ids, ids, ids) == {}
