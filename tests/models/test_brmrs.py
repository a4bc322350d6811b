from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import DataError
from brmrs_graph.models import BRMRS
from tests.models.conftest import maker
from tests.models.dense import degree_normalised, rows_to_one, strongest, unit

MakeModel = Callable[..., BRMRS]


@pytest.fixture
def make_model() -> MakeModel:
    return maker("brmrs", BRMRS)


# The model once more, dense and in double precision, as its docstring has it.


def knn(x: Tensor, missing: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Which items are the k nearest of each, and their cosines."""
    cosine = unit(x) @ unit(x).T
    neighbor = torch.zeros_like(cosine)
    for i in range(len(x)):
        others = [j for j in range(len(x)) if j != i and not missing[i] and not missing[j]]
        neighbor[i, sorted(others, key=lambda j: -float(cosine[i, j]))[:k]] = 1
    return neighbor, cosine


def overlap(r: Tensor, k: int) -> Tensor:
    """Jaccard overlap of rows, strongest k."""
    both = r @ r.T
    union = (r.sum(1)[:, None] + r.sum(1) - both).clamp(min=1)
    return strongest((both / union).fill_diagonal_(0), k)


def dense_item_graph(data: MultimodalDataset, k: int, beta: dict[str, float], alpha: float) -> Tensor:
    mixed = torch.zeros(data.num_items, data.num_items, dtype=torch.float64)
    present = torch.zeros(data.num_items, 1, dtype=torch.float64)
    for name, x in data.features.items():
        neighbor, cosine = knn(x.double(), data.missing[name], k)
        weight = rows_to_one(neighbor) if alpha == 0 else neighbor * cosine.clamp(min=0)
        share = beta.get(name, {"visual": 0.3, "textual": 0.7}.get(name, 1 / len(data.features)))
        mixed += share * weight
        present += share * ~data.missing[name][:, None]
    mixed /= present.clamp(min=1e-12)
    if alpha:
        copurchase = overlap(torch.from_numpy(data.train.toarray()).double().T, k)
        mixed = strongest(alpha * copurchase + (1 - alpha) * mixed, k)
    return rows_to_one(mixed)


def dense_tables(model: BRMRS, data: MultimodalDataset, r: Tensor | None = None) -> dict[str, tuple[Tensor, Tensor]]:
    """User and item embeddings of every branch but the fused one; ``r`` are the edges (default: training)."""
    config = model.config
    pairs = torch.from_numpy(data.train.toarray()).double()
    block = degree_normalised(pairs if r is None else r)
    tables = {}
    for name, user in model.user.items():
        p = user.detach().double()
        if name == "id":
            assert model.item is not None
            h = model.item.detach().double()
        else:
            x, there = data.features[name].double(), ~data.missing[name]
            x = (x - x[there].mean(0)) * there[:, None]
            x = x / x[there].square().mean().sqrt()
            linear = model.project[name]
            h = x @ linear.weight.detach().double().T + linear.bias.detach().double()
            h = h / h.norm(dim=1, keepdim=True) * there[:, None]
        layers = [(p, h)]
        for _ in range(config.num_layers):
            layers.append((block @ layers[-1][1], block.T @ layers[-1][0]))
        users, items = (torch.stack(side).mean(0) for side in zip(*layers, strict=True))
        if config.item_layers:
            graph = dense_item_graph(data, config.k, dict(config.beta), config.alpha)
            items = items + torch.linalg.matrix_power(graph, config.item_layers) @ h
        if config.user_layers:
            graph = rows_to_one(overlap(pairs, config.k))
            users = users + torch.linalg.matrix_power(graph, config.user_layers) @ p
        tables[name] = users, items
    return tables


def dense_fused(model: BRMRS, tables: dict[str, tuple[Tensor, Tensor]]) -> Tensor:
    """The fused scores, from scores where the fusion acts on them."""
    scores = torch.stack([users @ items.T for users, items in tables.values()])
    kind = model.config.fusion
    if kind == "concat":
        return scores.sum(0)
    if kind == "mean":
        return scores.mean(0)
    users, items = (torch.cat(side, dim=1) for side in zip(*tables.values(), strict=True))
    state = {name: x.double() for name, x in model.fusion.state_dict().items()}
    if kind == "gate":
        weight = (users @ state["gate.weight"].T + state["gate.bias"]).softmax(1)
        scale = len(tables) if model.config.gate_scale is None else model.config.gate_scale
        return scale * torch.einsum("um,mui->ui", weight, scores)

    def mlp(side: str, x: Tensor) -> Tensor:
        hidden = (x @ state[f"{side}.0.weight"].T + state[f"{side}.0.bias"]).clamp(min=0)
        return hidden @ state[f"{side}.2.weight"].T + state[f"{side}.2.bias"]

    return mlp("user_mlp", users) @ mlp("item_mlp", items).T


VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "mean": {"fusion": "mean"},
    "gate": {"fusion": "gate"},
    "gate of scale 1": {"fusion": "gate", "gate_scale": 1.0},
    "mlp": {"fusion": "mlp"},
    "id channel": {"id_channel": True},
    "id channel, gate": {"id_channel": True, "fusion": "gate"},
    "no item graph": {"item_layers": 0},
    "two item layers": {"item_layers": 2},
    "no user-item layers": {"num_layers": 0},
    "three user-item layers": {"num_layers": 3},
    "weights of modalities": {"beta": {"visual": 0.9, "textual": 0.2}},
    "co-purchase": {"alpha": 0.4},
    "co-purchase alone": {"alpha": 1.0},
    "user graph": {"user_layers": 1},
    "two user layers": {"user_layers": 2},
    "one modality": {"modalities": ("textual",)},
}


@pytest.mark.parametrize("missing", [0.0, 0.25])
@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_equals_the_dense_computation(
    options: dict[str, Any],
    missing: float,
    make_data: Callable[..., MultimodalDataset],
    make_model: MakeModel,
    close: Callable[..., None],
    agree: Callable[..., None],
) -> None:
    data = make_data(missing=missing, isolated=True)
    model = make_model(data, **options)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.fusion.parameters():  # the gate starts from equal weights: try others
        parameter.data = torch.randn(parameter.shape, generator=generator) / 4
    used = data.only(model.modalities)
    tables = dense_tables(model, used)
    branches, users = model(), torch.arange(data.num_users)
    assert branches.names == (*tables, "fused") and branches.modalities == used.modalities
    agree(branches, tables)
    close(branches.score_all("fused", users), dense_fused(model, tables))
    items = torch.arange(data.num_items).expand(data.num_users, -1)
    close(model().score("fused", users, items), dense_fused(model, tables))


def test_three_modalities_equal_the_dense_computation(
    make_data: Callable[..., MultimodalDataset], make_model: MakeModel, close: Callable[..., None]
) -> None:
    data = make_data(("visual", "textual", "acoustic"), missing=0.2)
    model = make_model(data, id_channel=True)
    tables = dense_tables(model, data)
    assert list(tables) == ["visual", "textual", "acoustic", "id"]
    close(model().score_all("fused", torch.arange(data.num_users)), dense_fused(model, tables))


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_gradients_reach_every_parameter_of_every_variant(
    options: dict[str, Any], toy: MultimodalDataset, make_model: MakeModel
) -> None:
    model = make_model(toy, **options).train()
    users = torch.arange(toy.num_users)
    items = torch.randint(toy.num_items, (toy.num_users, 6), generator=torch.Generator().manual_seed(0))
    scores = model().score("fused", users, items)
    (scores * torch.randn(scores.shape, generator=torch.Generator().manual_seed(1))).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.any()), f"no gradient reaches {name}"


def test_edges_are_dropped_anew_each_epoch_and_in_training_only(
    toy: MultimodalDataset, make_model: MakeModel, close: Callable[..., None]
) -> None:
    model = make_model(toy, edge_keep=0.5)
    full = dense_tables(model, toy)
    seen = []
    for epoch in range(2):
        model.train().begin_epoch(torch.Generator().manual_seed(epoch))
        kept = (model.train_graph.to_dense() > 0).double()
        seen.append(kept)
        assert 0.35 < float(kept.sum()) / toy.train.nnz < 0.65
        assert bool((kept <= torch.from_numpy(toy.train.toarray())).all())
        for name, (user, item) in dense_tables(model, toy, kept).items():
            close(model().users(name), user)
            close(model().items(name), item)
        model.eval()
        for name, (user, item) in full.items():
            close(model().users(name), user)
            close(model().items(name), item)
    assert not torch.equal(*seen)


def test_all_edges_stay_where_none_are_to_be_dropped(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy)
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    model.begin_epoch(generator)
    assert model.train_graph is model.graph and torch.equal(generator.get_state(), before)


def test_items_without_a_modality_get_what_their_neighbours_have(
    make_data: Callable[..., MultimodalDataset], make_model: MakeModel
) -> None:
    data = make_data(missing=0.25)
    model = make_model(data, num_layers=0, item_layers=1)
    missing = data.missing["visual"] & ~data.missing["textual"]
    assert bool(missing.any()) and bool(model().items("visual")[missing].any(dim=1).all())
    start = make_model(data, num_layers=0, item_layers=0)().items("visual")
    assert not bool(start[data.missing["visual"]].any())


def test_weight_decay_sees_the_free_vectors_only(toy: MultimodalDataset, make_model: MakeModel) -> None:
    users, items = torch.tensor([2, 0]), torch.tensor([4, 4, 1])
    plain, with_id = make_model(toy), make_model(toy, id_channel=True)
    for rows, name in zip(plain.batch_parameters(users, items), ("visual", "textual"), strict=True):
        assert torch.equal(rows, plain.user[name][users])
    *_, item_rows = with_id.batch_parameters(users, items)
    assert with_id.item is not None and torch.equal(item_rows, with_id.item[items])


def test_a_modality_that_is_not_there_is_named(toy: MultimodalDataset, make_model: MakeModel) -> None:
    with pytest.raises(DataError, match=r"no modality acoustic.*visual, textual"):
        make_model(toy, modalities=("visual", "acoustic"))


def test_only_a_fusion_that_averages_says_so(toy: MultimodalDataset, make_model: MakeModel) -> None:
    averages = {name: make_model(toy, **VARIANTS[name]).averages for name in ("defaults", "mean", "gate", "mlp")}
    assert averages == {"defaults": False, "mean": True, "gate": False, "mlp": False}
    assert make_model(toy, fusion="gate", gate_scale=1.0).averages
