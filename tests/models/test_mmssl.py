import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.losses import critic_loss
from brmrs_graph.models import MMSSL
from tests.models.conftest import maker
from tests.models.dense import unit

MakeModel = Callable[..., MMSSL]


@pytest.fixture
def make_model() -> MakeModel:
    return maker("mmssl", MMSSL)


# The model once more, dense and in double precision, as its docstring has it.


def root(a: Tensor) -> Tensor:
    return a / a.sum(1, keepdim=True).clamp(min=1).sqrt()


def attended(model: MMSSL, views: list[Tensor]) -> Tensor:
    """The mean of what each view attends to, head by head."""
    config, state = model.config, {name: x.double() for name, x in model.state_dict().items()}
    width = config.dim // config.heads
    out = []
    for h in range(config.heads):
        part = slice(h * width, (h + 1) * width)
        query, key = ([(x @ state[f"{name}.weight"].T)[:, part] for x in views] for name in ("query", "key"))
        for q in query:
            weight = torch.stack([torch.exp((q * k).sum(1) / math.sqrt(width)) for k in key])
            weight = weight / weight.sum(0)
            out.append(sum(w[:, None] * x[:, part] for w, x in zip(weight, views, strict=True)))
    heads = [sum(out[h * len(views) : (h + 1) * len(views)]) / len(views) for h in range(config.heads)]
    return torch.cat(heads, 1)


def dense_tables(model: MMSSL, data: MultimodalDataset) -> dict[str, tuple[Tensor, Tensor]]:
    config, state = model.config, {name: x.double() for name, x in model.state_dict().items()}
    r = torch.from_numpy(data.train.toarray()).double()
    tables, aware = {}, {}
    for m, x in data.features.items():
        there = ~data.missing[m]
        x = (x.double() - x[there].double().mean(0)) * there[:, None]
        x = x / x[there].square().mean().sqrt()
        h = (x @ state[f"project.layers.{m}.weight"].T + state[f"project.layers.{m}.bias"]) * there[:, None]
        user = root(r) @ h
        item = root(r.T) @ user
        tables[m] = unit(user), unit(item)
        cosine = tables[m][0] @ tables[m][1].T
        relation = torch.zeros_like(r)
        for u, values in enumerate(cosine.tolist()):
            new = (i for i, value in enumerate(values) if value > 0 and not r[u, i])
            best = sorted(new, key=lambda i: -values[i])
            relation[u, best[: config.k]] = 1
        aware[m] = root(relation) @ state["item"], root(relation.T) @ state["user"]
    start = [
        state[name] + config.eta * unit(attended(model, [pair[side] for pair in aware.values()]))
        for side, name in enumerate(("user", "item"))
    ]
    scale = [torch.where(d > 0, d.clamp(min=1) ** -0.5, 0.0) for d in (r.sum(1), r.sum(0))]
    a = scale[0][:, None] * r * scale[1]
    layers = [(start[0], start[1])]
    for _ in range(config.num_layers):
        layers.append((a @ layers[-1][1], a.T @ layers[-1][0]))
    user, item = (torch.stack(side).mean(0) for side in zip(*layers, strict=True))
    content = [sum(tables[m][side] for m in data.modalities) for side in (0, 1)]
    return tables | {
        "id": (user, item),
        "fused": (user + config.omega * content[0], item + config.omega * content[1]),
        **{f"aware {m}": pair for m, pair in aware.items()},
    }


VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "three layers": {"num_layers": 3},
    "one head, stronger": {"heads": 1, "eta": 2.0, "omega": 0.1},
    "one item in each relation": {"k": 1},
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
    with torch.no_grad():  # so that attention differs from a mean
        model.query.weight.mul_(20)
    tables = dense_tables(model, data)
    branches = model()
    assert branches.names == ("visual", "textual", "id", "fused") and branches.modalities == data.modalities
    agree(branches, {name: tables[name] for name in branches.names})


def test_own_losses_equal_a_hand_computation(toy: MultimodalDataset, make_model: MakeModel) -> None:
    options = {"contrast": 0.7, "temperature": 0.5, "adversarial": 0.3, "auxiliary": 2.0, "penalty": 4.0}
    model = make_model(toy, critic_users=3, **options).eval()
    tables = dense_tables(model, toy)
    users, positives = torch.tensor([3, 3, 0, 5]), torch.tensor([1, 7, 7, 2])
    model.begin_epoch(torch.Generator().manual_seed(4))
    losses = model.losses(model(), users, positives, positives)
    assert list(losses) == ["critic", "generators", "contrast"]

    contrast = 0.0
    for m in toy.modalities:
        a, b = unit(tables[f"aware {m}"][0][[0, 3, 5]]), unit(tables["fused"][0][[0, 3, 5]])
        for i in range(3):
            weights = [math.exp(float(a[i] @ b[j]) / 0.5) for j in range(3)]
            contrast -= math.log(weights[i] / sum(weights)) / 3
    assert losses["contrast"].item() == pytest.approx(0.7 * contrast, rel=1e-4)

    judged = [0, 3]  # of the first three pairs
    own = torch.from_numpy(toy.train.toarray()).double()[judged]
    generated = torch.cat([unit((1 - own) * (tables[m][0][judged] @ tables[m][1].T)) for m in toy.modalities])
    cosine = (1 - own) * (unit(tables["fused"][0])[judged] @ unit(tables["fused"][1]).T)
    real = unit(own / own.sum(1, keepdim=True) + 2.0 * unit(cosine)).repeat(2, 1)
    critic = model.critic.double()
    assert losses["generators"].item() == pytest.approx(-0.3 * critic(generated).mean().item(), rel=1e-3)
    expected = critic_loss(critic, real, generated, 4.0, torch.Generator().manual_seed(4))
    assert losses["critic"].item() == pytest.approx(expected.item(), rel=1e-3)


def test_each_player_trains_its_own_parameters(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy).train()
    ids = torch.arange(8)
    for term, players in (("critic", True), ("generators", False)):
        model.zero_grad()
        model.losses(model(), ids, ids, ids)[term].backward()
        for name, x in model.named_parameters():
            moved = x.grad is not None and bool(x.grad.any())
            assert moved == (name.startswith("critic") if players else name.startswith("project")), name


def test_relations_stay_for_an_epoch_and_follow_the_parameters_at_its_start_and_in_evaluation(
    toy: MultimodalDataset, make_model: MakeModel
) -> None:
    model = make_model(toy, k=2).train()
    model.begin_epoch(torch.Generator().manual_seed(0))
    before = model.relations["visual"][0].to_dense()
    with torch.no_grad():
        model.project.layers["visual"].weight.copy_(model.project.layers["visual"].weight.flip(1))
    model()
    assert torch.equal(model.relations["visual"][0].to_dense(), before)
    model.begin_epoch(torch.Generator().manual_seed(0))
    after = model.relations["visual"][0].to_dense()
    assert not torch.equal(after, before)
    model.relations = {}
    model.eval()()
    assert torch.equal(model.relations["visual"][0].to_dense(), after)
