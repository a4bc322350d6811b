from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.models import LateFusion
from brmrs_graph.training import Objective, ObjectiveConfig, TrainConfig, Trainer, objective_preset
from tests.models.conftest import maker
from tests.models.dense import Pair, degree_normalised, interactions, lightgcn, nearest, projected, state_of, unit

MakeData = Callable[..., MultimodalDataset]
MakeModel = Callable[..., LateFusion]


@pytest.fixture
def make_model() -> MakeModel:
    return maker("latefusion", LateFusion)


def dense_tables(model: LateFusion, data: MultimodalDataset) -> dict[str, Pair]:
    state, config, tables = state_of(model), model.config, {}
    for m in data.modalities:
        item = unit(projected(data, state, m))
        users, items = lightgcn(degree_normalised(interactions(data)), (state[f"user.{m}"], item), config.num_layers)
        if config.item_layers:
            graph = nearest(data, m, config.k + 1)[0].fill_diagonal_(0)
            graph = graph / graph.sum(1, keepdim=True).clamp(min=1)
            items = items + torch.linalg.matrix_power(graph, config.item_layers) @ item
        tables[m] = users, items
    return tables


OPTIONS: list[tuple[dict[str, Any], dict[str, float]]] = [
    ({}, {}),
    ({"num_layers": 0}, {}),
    ({"item_layers": 1, "weights": {"visual": 3.0}}, {"visual": 3.0}),
    ({"item_layers": 2, "weights": {"visual": 3.0}, "learn_weights": True}, {"visual": 3.0}),
]


@pytest.mark.parametrize("missing", [0.0, 0.25])
@pytest.mark.parametrize(("options", "weights"), OPTIONS)
@pytest.mark.parametrize("modalities", [("visual", "textual"), ("acoustic", "visual", "textual")])
def test_equals_the_dense_computation(
    modalities: tuple[str, ...],
    options: dict[str, Any],
    weights: dict[str, float],
    missing: float,
    make_data: MakeData,
    make_model: MakeModel,
    close: Callable[..., None],
) -> None:
    data = make_data(modalities, missing=missing, isolated=True)
    model = make_model(data, **options)
    tables = dense_tables(model, data)
    assert model().names == (*modalities, "fused") and model().modalities == modalities
    for m, (user, item) in tables.items():
        close(model().users(m), user)
        close(model().items(m), item)
    weight = {m: weights.get(m, 1.0) for m in modalities}
    fused = sum(weight[m] / sum(weight.values()) * users @ items.T for m, (users, items) in tables.items())
    everyone, items = torch.arange(data.num_users), torch.arange(data.num_items).expand(data.num_users, -1)
    close(model().score_all("fused", everyone), fused)
    close(model().score("fused", everyone, items), fused)


def batch(data: MultimodalDataset) -> tuple[Tensor, Tensor, Tensor]:
    users, positives = data.train_edges
    return users, positives, (positives + 1) % data.num_items


@pytest.mark.parametrize("learn", [False, True])
def test_losses_are_bpr_by_branch_and_bpr_of_the_weights(
    learn: bool, toy: MultimodalDataset, make_model: MakeModel
) -> None:
    model = make_model(toy, learn_weights=learn, weights={"visual": 2.0, "textual": 1.0})
    users, positives, negatives = batch(toy)
    terms = model.losses(model(), users, positives, negatives)
    margins = {}
    for m, (user, item) in dense_tables(model, toy).items():
        score = user @ item.T
        margins[m] = score[users, positives] - score[users, negatives]
    margins["fused"] = (2 * margins["visual"] + margins["textual"]) / 3
    bpr = {name: float(torch.log1p(torch.exp(-margin)).mean()) for name, margin in margins.items()}
    expected = {"unimodal": bpr["visual"] + bpr["textual"]} | ({"weights": bpr["fused"]} if learn else {})
    assert {name: float(x.detach()) for name, x in terms.items()} == pytest.approx(expected, rel=1e-5)


def test_no_gradient_leads_from_the_fused_score_into_a_branch(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy, learn_weights=True)
    users, positives, negatives = batch(toy)
    pairs = torch.stack([positives, negatives], dim=1)
    for fused in (
        model.losses(model(), users, positives, negatives)["weights"],
        model().score("fused", users, pairs).sin().sum(),
        model().score_all("fused", users).sin().sum(),
    ):
        model.zero_grad()
        fused.backward()
        assert [name for name, x in model.named_parameters() if x.grad is not None] == ["fusion.logits"]


@pytest.mark.parametrize("objective", ["own", "bpr"])
def test_each_modality_is_trained_as_if_it_were_alone(
    objective: str, toy: MultimodalDataset, make_model: MakeModel
) -> None:
    both, alone = make_model(toy, learn_weights=True), make_model(toy.only(["textual"]))
    alone.load_state_dict({name: x for name, x in both.state_dict().items() if "textual" in name})
    start = {name: x.clone() for name, x in alone.state_dict().items()}
    for model, data in ((both, toy), (alone, toy.only(["textual"]))):
        loss = Objective(objective_preset(objective), data, model)
        Trainer(model, loss, data, TrainConfig(epochs=1, batch_size=32), seed=3).fit()
    for name, x in alone.named_parameters():
        assert not torch.equal(x, start[name])
        torch.testing.assert_close(both.get_parameter(name), x)


def test_the_weights_learn_which_modality_to_trust(make_data: MakeData, make_model: MakeModel) -> None:
    data = make_data()
    model = make_model(data, learn_weights=True)
    users, positives, negatives = batch(data)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    with torch.no_grad():
        model.user["visual"].zero_()  # for such users all items are alike in this modality
    for _ in range(30):
        optimizer.zero_grad()
        terms = model.losses(model(), users, positives, negatives)
        (terms["weights"] + terms["unimodal"]).backward()
        model.user["visual"].grad = None
        optimizer.step()
    visual, textual = model.fusion.weights().tolist()
    assert textual > 0.6 and visual + textual == pytest.approx(1)


def test_its_mean_cannot_satisfy_the_raw_synergy_loss(toy: MultimodalDataset, make_model: MakeModel) -> None:
    with pytest.raises(ConfigError, match="averages the branches"):
        Objective(ObjectiveConfig(synergy=1.0), toy, make_model(toy))
