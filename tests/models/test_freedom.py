from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import FREEDOM
from tests.models.conftest import maker
from tests.models.dense import (
    Pair,
    degree_normalised,
    frozen_graph,
    interactions,
    lightgcn,
    projected,
    state_of,
)

MakeData = Callable[..., MultimodalDataset]
MakeModel = Callable[..., FREEDOM]


@pytest.fixture
def make_model() -> MakeModel:
    return maker("freedom", FREEDOM)


def dense_tables(
    model: FREEDOM, data: MultimodalDataset, beta: dict[str, float], r: Tensor | None = None
) -> dict[str, Pair]:
    """All branches; ``r`` are the edges (default: training)."""
    state, config = state_of(model), model.config
    block = degree_normalised(interactions(data) if r is None else r)
    users, items = lightgcn(block, (state["user"], state["item"]), config.num_layers)
    graph = torch.linalg.matrix_power(frozen_graph(data, config.k, beta), config.item_layers)
    tables = {m: (users, projected(data, state, m)) for m in data.modalities}
    return tables | {"fused": (users, items + graph @ state["item"])}


PUBLISHED = {"visual": 0.1, "textual": 0.9}


@pytest.mark.parametrize("missing", [0.0, 0.25])
@pytest.mark.parametrize(
    ("modalities", "options", "beta"),
    [
        (("visual", "textual"), {}, PUBLISHED),
        (
            ("textual", "visual"),
            {"num_layers": 1, "item_layers": 2, "beta": {"visual": 0.7}},
            PUBLISHED | {"visual": 0.7},
        ),
        (("visual", "textual", "acoustic"), {}, PUBLISHED | {"acoustic": 1 / 3}),
        (("textual",), {}, {"textual": 1.0}),
    ],
)
def test_equals_the_dense_computation(
    modalities: tuple[str, ...],
    options: dict[str, Any],
    beta: dict[str, float],
    missing: float,
    make_data: MakeData,
    make_model: MakeModel,
    agree: Callable[..., None],
) -> None:
    data = make_data(modalities, missing=missing, isolated=True)
    model = make_model(data, **options).eval()
    branches = model()
    assert branches.names == (*modalities, "fused") and branches.modalities == modalities
    agree(branches, dense_tables(model, data, beta))


def test_an_epoch_trains_on_a_pruned_graph_and_ranks_on_the_whole_one(
    toy: MultimodalDataset, make_model: MakeModel, close: Callable[..., None]
) -> None:
    model = make_model(toy, dropout=0.6)
    seen = []
    for epoch in range(2):
        model.train().begin_epoch(torch.Generator().manual_seed(epoch))
        kept = (model.train_graph.to_dense() > 0).double()
        seen.append(kept)
        assert int(kept.sum()) == int(0.4 * toy.train.nnz) and bool((kept <= interactions(toy)).all())
        close(model().users(), dense_tables(model, toy, PUBLISHED, kept)["fused"][0])
        close(model().items(), dense_tables(model, toy, PUBLISHED, kept)["fused"][1])
        close(model.eval()().items(), dense_tables(model, toy, PUBLISHED)["fused"][1])
    assert not torch.equal(*seen)


def test_without_dropout_nothing_is_drawn(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy, dropout=0.0)
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    model.begin_epoch(generator)
    assert model.train_graph is model.graph and torch.equal(generator.get_state(), before)


def test_the_own_loss_is_bpr_on_the_projected_features(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy, content_weight=0.25).eval()
    users, positives = toy.train_edges
    negatives = (positives + 1) % toy.num_items
    tables = dense_tables(model, toy, PUBLISHED)
    expected = 0.0
    for m in toy.modalities:
        score = tables[m][0] @ tables[m][1].T
        margin = score[users, positives] - score[users, negatives]
        expected += 0.25 * float(torch.log1p(torch.exp(-margin)).mean())
    loss = model.losses(model(), users, positives, negatives)
    assert list(loss) == ["content"] and float(loss["content"].detach()) == pytest.approx(expected, rel=1e-5)
    assert make_model(toy, content_weight=0.0).losses(model(), users, positives, negatives) == {}


def test_weight_decay_sees_the_vectors_before_propagation(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy)
    users, items = torch.tensor([2, 0]), torch.tensor([4, 4, 1])
    rows = model.batch_parameters(users, items)
    assert torch.equal(rows[0], model.user[users]) and torch.equal(rows[1], model.item[items])
