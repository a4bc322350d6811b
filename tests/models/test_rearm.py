import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.models import REARM
from tests.models.conftest import maker
from tests.models.dense import rows_to_one, strongest, unit

MakeModel = Callable[..., REARM]


@pytest.fixture
def make_model() -> MakeModel:
    return maker("rearm", REARM)


# The model once more, dense and in double precision, as its docstring has it.


def mixed_graph(
    r: Tensor, features: dict[str, Tensor], beta: dict[str, float], k: int, share: float
) -> tuple[Tensor, Tensor]:
    """The graph of the rows of r, and which rows have no neighbour at all."""
    both = r @ r.T
    jaccard = (both / (r.sum(1)[:, None] + r.sum(1) - both).clamp(min=1)).fill_diagonal_(0)
    similar = torch.zeros_like(both)
    for m, x in features.items():
        cosine, there = unit(x) @ unit(x).T, x.abs().sum(1) > 0
        neighbor = torch.zeros_like(both)
        for i in there.nonzero().flatten().tolist():
            others = sorted(there.nonzero().flatten().tolist(), key=lambda j: -float(cosine[i, j]) - 9 * (i == j))
            neighbor[i, others[:k]] = 1
        similar += beta.get(m, 1 / len(features)) * rows_to_one(neighbor)
    graph = share * rows_to_one(strongest(jaccard, k)) + (1 - share) * rows_to_one(similar)
    alone = graph.sum(1) == 0
    return graph + torch.diag(alone.double()), alone


def normalised(state: dict[str, Tensor], x: Tensor) -> Tensor:
    there, variance = x.abs().sum(1, keepdim=True) > 0, x.var(1, correction=0, keepdim=True)
    x = (x - x.mean(1, keepdim=True)) / (variance + 1e-5).sqrt() * state["norm.weight"] + state["norm.bias"]
    return x * there


def dense_tables(model: REARM, data: MultimodalDataset) -> tuple[dict[str, list[Tensor]], dict[str, list[Tensor]]]:
    """Branches, and content vectors of every modality; users and items."""
    config, state = model.config, {name: x.double() for name, x in model.state_dict().items()}
    r = torch.from_numpy(data.train.toarray()).double()
    slope = state["activation.weight"]

    def prelu(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, slope * x)

    def linear(name: str, x: Tensor) -> Tensor:
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    items, interests, known = {}, {}, {}
    for m, x in data.features.items():
        there = ~data.missing[m]
        known[m] = ((r @ there.double() > 0) | (r.sum(1) == 0), there)
        x = (x.double() - x[there].double().mean(0)) * there[:, None]
        items[m] = x / x[there].square().mean().sqrt()
        interests[m] = rows_to_one(r) @ items[m]
    raw = {m: x.double() for m, x in data.features.items()}
    user_k = config.k if config.user_k is None else config.user_k
    graphs = (
        mixed_graph(r, interests, dict(config.user_beta), user_k, config.user_overlap)[0],
        mixed_graph(r.T, raw, dict(config.beta), config.k, config.item_overlap)[0],
    )
    start = []
    for number, (side, x, graph, layers) in enumerate(
        zip(("user", "item"), (interests, items), graphs, (config.user_layers, config.item_layers), strict=True)
    ):
        content = [linear(f"project.{side}_{m}", x[m]) * known[m][number][:, None] for m in x]
        z = torch.cat([state[f"free.{side}"], *content], 1)
        behaviour, *content = unit(torch.linalg.matrix_power(graph, layers) @ z).split(config.dim, dim=1)
        if side == "item":
            content = [normalised(state, x) for x in content]
        start.append(torch.cat([behaviour, *map(prelu, content)], 1))
    scale = [torch.where(d > 0, d.clamp(min=1) ** -0.5, 0.0) for d in (r.sum(1), r.sum(0))]
    a = scale[0][:, None] * r * scale[1]
    layers_ = [(start[0], start[1])]
    for _ in range(config.num_layers):
        layers_.append((a @ layers_[-1][1], a.T @ layers_[-1][0]))
    tables: dict[str, list[Tensor]] = {name: [] for name in (*data.modalities, "shared")}
    contents: dict[str, list[Tensor]] = {m: [] for m in data.modalities}
    for side, x in zip(("user", "item"), zip(*layers_, strict=True), strict=True):
        behaviour, *content = torch.stack(x).mean(0).split(config.dim, dim=1)
        for m, vector in zip(data.modalities, content, strict=True):
            contents[m].append(vector)
            tables[m].append(prelu(vector) + behaviour)
        # The meta-network has a test of its own.
        shared = model.meta[side](behaviour.float(), torch.cat(content, 1).float()).detach().double()
        tables["shared"].append(prelu(shared) + behaviour)
    return tables, contents


VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "one user-item layer": {"num_layers": 1},
    "no graphs of their own": {"item_layers": 0, "user_layers": 0},
    "two layers": {"item_layers": 2, "user_layers": 2},
    "overlap alone": {"item_overlap": 1.0, "user_overlap": 1.0},
    "similarity alone": {"item_overlap": 0.0, "user_overlap": 0.0},
    "weights of modalities": {"beta": {"visual": 0.9, "textual": 0.1}, "user_beta": {"visual": 0.2}},
    "neighbours of users": {"user_k": 5},
    "one neighbour and rank 1": {"k": 1, "rank": 1},
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
    tables, _ = dense_tables(model, data)
    branches = model()
    assert branches.names == ("visual", "textual", "shared", "fused") and branches.modalities == data.modalities
    agree(branches, tables)
    fused = sum(user @ item.T for user, item in tables.values())
    close(branches.score_all("fused", torch.arange(data.num_users)), fused)


def test_own_losses_equal_a_hand_computation(
    make_data: Callable[..., MultimodalDataset], make_model: MakeModel
) -> None:
    data = make_data(("visual", "textual", "acoustic"))
    model = make_model(data, contrast=0.7, temperature=0.5, orthogonality=0.3)
    _, contents = dense_tables(model, data)
    users, positives = torch.tensor([3, 3, 0, 5]), torch.tensor([1, 7, 7, 2])
    contrast, orthogonality = 0.0, 0.0
    for side, ids in ((0, [0, 3, 5]), (1, [1, 2, 7])):
        for one, other in (("visual", "textual"), ("visual", "acoustic"), ("textual", "acoustic")):
            a, b = (unit(contents[m][side][ids]) for m in (one, other))
            for i in range(3):
                weights = [math.exp(float(a[i] @ b[j]) / 0.5) for j in range(3)]
                contrast -= math.log(weights[i] / sum(weights)) / 3 / 3
            a, b = (contents[m][side][ids] for m in (one, other))
            a, b = (unit(x - x.mean(0)) for x in (a, b))
            orthogonality += float((a.T @ b / 3).square().sum()) / 3
    losses = model.losses(model(), users, positives, positives)
    assert list(losses) == ["contrast", "orthogonality"]
    assert losses["contrast"].item() == pytest.approx(0.7 * contrast, rel=1e-4)
    assert losses["orthogonality"].item() == pytest.approx(0.3 * orthogonality, rel=1e-4)


def test_one_modality_has_nothing_to_be_held_apart_from(
    make_data: Callable[..., MultimodalDataset], make_model: MakeModel
) -> None:
    model = make_model(make_data(("textual",)))
    ids = torch.tensor([0, 1])
    assert model.losses(model(), ids, ids, ids) == {}


def test_nodes_without_neighbours_keep_their_own_vector(
    make_data: Callable[..., MultimodalDataset], make_model: MakeModel
) -> None:
    data = make_data(missing=0.25, isolated=True)
    model = make_model(data, item_overlap=1.0, user_overlap=1.0)
    for graph, row in ((model.user_graph, data.num_users - 1), (model.item_graph, data.num_items - 1)):
        expected = torch.zeros(graph.shape[0])
        expected[row] = 1
        assert torch.equal(graph.to_dense()[row], expected)


def test_a_modality_cannot_have_the_name_of_the_shared_branch(
    make_data: Callable[..., MultimodalDataset], make_model: MakeModel
) -> None:
    with pytest.raises(ConfigError, match="cannot be called 'shared'"):
        make_model(make_data(("visual", "shared")))
