import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import SMORE
from tests.models.conftest import maker

MakeModel = Callable[..., SMORE]


@pytest.fixture
def make_model() -> MakeModel:
    return maker("smore", SMORE)


# The model once more, dense and in double precision, with Fourier sums written out.


def dense_item_graph(x: Tensor, missing: Tensor, k: int) -> Tensor:
    unit = x / x.norm(dim=1, keepdim=True).clamp(min=1e-12)
    cosine = unit @ unit.T
    graph = torch.zeros_like(cosine)
    for i in range(len(x)):
        if not missing[i]:
            others = sorted((j for j in range(len(x)) if not missing[j]), key=lambda j: -float(cosine[i, j]))
            graph[i, others[:k]] = cosine[i, others[:k]].clamp(min=0)
    scale = torch.where(graph.sum(1) > 0, graph.sum(1).clamp(min=1e-12) ** -0.5, 0.0)
    return scale[:, None] * graph * scale


def fourier(x: Tensor) -> np.ndarray:
    """The unitary discrete Fourier transform of real rows, frequencies 0 to d / 2."""
    d = x.size(1)
    wave = np.exp(-2j * np.pi * np.outer(np.arange(d), np.arange(d // 2 + 1)) / d) / math.sqrt(d)
    return x.numpy() @ wave


def inverse(spectrum: np.ndarray, d: int) -> Tensor:
    """Its inverse, for even d; what is imaginary at the two frequencies without a conjugate has no part in it."""
    full = np.concatenate([spectrum, spectrum[:, 1:-1][:, ::-1].conj()], axis=1)
    full[:, [0, d // 2]] = full[:, [0, d // 2]].real
    wave = np.exp(2j * np.pi * np.outer(np.arange(d), np.arange(d)) / d) / math.sqrt(d)
    return torch.from_numpy((full @ wave).real)


def dense_tables(model: SMORE, data: MultimodalDataset) -> dict[str, tuple[Tensor, Tensor]]:
    config, state = model.config, {name: x.double() for name, x in model.state_dict().items()}
    r = torch.from_numpy(data.train.toarray()).double()
    scale = [torch.where(d > 0, d.clamp(min=1) ** -0.5, 0.0) for d in (r.sum(1), r.sum(0))]
    r = scale[0][:, None] * r * scale[1]

    def linear(name: str, x: Tensor) -> Tensor:
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    layers = [(state["user"], state["item"])]
    for _ in range(config.num_layers):
        layers.append((r @ layers[-1][1], r.T @ layers[-1][0]))
    behaviour = [torch.stack(side).mean(0) for side in zip(*layers, strict=True)]

    spectra, graphs, known = {}, {}, {}
    for m, x in data.features.items():
        there = ~data.missing[m]
        graphs[m] = dense_item_graph(x.double(), data.missing[m], config.k_by_modality.get(m, config.k))
        x = (x.double() - x[there].double().mean(0)) * there[:, None]
        x = x / x[there].square().mean().sqrt()
        spectra[m] = fourier(linear(f"project.layers.{m}", x) * there[:, None])
        known[m] = there.numpy()[:, None]
    spectra["fused"] = np.prod([np.where(known[m], spectrum, 1) for m, spectrum in spectra.items()], axis=0)
    known["fused"] = np.any(list(known.values()), axis=0)
    graphs["fused"] = torch.stack(list(graphs.values())).amax(0)
    views = {}
    for view, spectrum in spectra.items():
        real, imaginary = state[f"filter.{view}"].numpy().T
        signal = inverse(spectrum * (real + 1j * imaginary), config.dim)
        gated = state["item"] / (1 + torch.exp(-linear(f"gate.{view}", signal))) * torch.from_numpy(known[view])
        item = torch.linalg.matrix_power(graphs[view], config.item_layers) @ gated
        views[view] = r @ item, item
    tables: dict[str, tuple[Tensor, Tensor]] = {m: views[m] for m in data.modalities}
    tables["id"] = behaviour[0], behaviour[1]
    content = []
    for side in (0, 1):
        parts = []
        for view, pair in views.items():
            x = pair[side]
            if view != "fused":
                hidden = torch.tanh(linear(f"attention.{view}.0", views["fused"][side]))
                weight = torch.exp(hidden @ state[f"attention.{view}.2.weight"].T)
                x = x * weight / weight.sum(1, keepdim=True)
            parts.append(x / (1 + torch.exp(-linear(f"preference.{view}", behaviour[side]))))
        content.append(sum(parts) / len(parts))
    tables["content"] = content[0], content[1]
    tables["fused"] = behaviour[0] + content[0], behaviour[1] + content[1]
    return tables


VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "one user-item layer": {"num_layers": 1},
    "two item layers": {"item_layers": 2},
    "no item layers": {"item_layers": 0},
    "neighbours by modality": {"k_by_modality": {"visual": 7}},
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
    tables = dense_tables(model, data)
    branches = model()
    assert branches.names == ("visual", "textual", "id", "fused") and branches.modalities == data.modalities
    agree(branches, {name: tables[name] for name in branches.names})


def test_three_modalities_equal_the_dense_computation(
    make_data: Callable[..., MultimodalDataset], make_model: MakeModel, close: Callable[..., None]
) -> None:
    data = make_data(("visual", "textual", "acoustic"))
    model = make_model(data).eval()
    user, item = dense_tables(model, data)["fused"]
    close(model().score_all("fused", torch.arange(data.num_users)), user @ item.T)


def test_no_other_modality_speaks_in_a_modalitys_branch(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy).eval()
    before = {name: model().score_all(name, torch.arange(toy.num_users)) for name in ("visual", "textual")}
    with torch.no_grad():
        model.project.layers["visual"].weight.mul_(2)
    after = {name: model().score_all(name, torch.arange(toy.num_users)) for name in before}
    assert torch.equal(before["textual"], after["textual"]) and not torch.equal(before["visual"], after["visual"])


def test_contrast_is_infonce_between_content_and_behaviour(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy, contrast=0.7, temperature=0.5).eval()
    tables = dense_tables(model, toy)
    users, positives = torch.tensor([3, 3, 0, 5]), torch.tensor([1, 7, 7, 2])
    expected = 0.0
    for side, ids in ((0, [0, 3, 5]), (1, [1, 2, 7])):
        a, b = (tables[name][side][ids] for name in ("content", "id"))
        a, b = (x / x.norm(dim=1, keepdim=True) for x in (a, b))
        for i in range(3):
            weights = [math.exp(float(a[i] @ b[j]) / 0.5) for j in range(3)]
            expected -= math.log(weights[i] / sum(weights)) / 3
    losses = model.losses(model(), users, positives, positives)
    assert list(losses) == ["contrast"] and losses["contrast"].item() == pytest.approx(0.7 * expected, rel=1e-4)


def test_preferences_are_dropped_by_the_generator_in_training_only(
    toy: MultimodalDataset, make_model: MakeModel
) -> None:
    model = make_model(toy, dropout=0.5).train()
    first, second = (
        (model.begin_epoch(torch.Generator().manual_seed(seed)), model().users())[1].clone() for seed in (0, 0)
    )
    assert torch.equal(first, second) and not torch.equal(first, model().users())
    assert torch.equal(model.eval()().users(), model().users())
    without = make_model(toy)
    generator = torch.Generator().manual_seed(0)
    without.begin_epoch(generator)
    assert torch.equal(without.train()().users(), without.eval()().users())
