from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import PGL
from brmrs_graph.nn import dropout
from tests.models.conftest import maker
from tests.models.dense import (
    Pair,
    degree_normalised,
    frozen_graph,
    infonce,
    interactions,
    lightgcn,
    projected,
    state_of,
    unit,
)

MakeModel = Callable[..., PGL]


@pytest.fixture
def make_model() -> MakeModel:
    return maker("pgl", PGL)


def dense_tables(model: PGL, data: MultimodalDataset, r: Tensor, beta: dict[str, float]) -> dict[str, Pair]:
    state, config = state_of(model), model.config
    graph = torch.linalg.matrix_power(frozen_graph(data, config.k, beta), config.item_layers)
    tables = {}
    for m in data.modalities:
        h = unit(projected(data, state, m))
        users, items = lightgcn(degree_normalised(r), (state[f"user.{m}"], h), config.num_layers)
        tables[m] = users, items + graph @ h
    return tables


@pytest.mark.parametrize("missing", [0.0, 0.25])
@pytest.mark.parametrize("options", [{}, {"num_layers": 1, "item_layers": 2}, {"beta": {"visual": 0.8}}])
def test_equals_the_dense_computation(
    options: dict[str, Any],
    missing: float,
    make_data: Callable[..., MultimodalDataset],
    make_model: MakeModel,
    close: Callable[..., None],
    agree: Callable[..., None],
) -> None:
    data = make_data(missing=missing, isolated=True)
    model = make_model(data, **options).eval()
    tables = dense_tables(model, data, interactions(data), {"visual": 0.1, "textual": 0.9} | options.get("beta", {}))
    branches = model()
    assert branches.names == ("visual", "textual", "fused") and branches.modalities == data.modalities
    agree(branches, tables)
    close(branches.score_all("fused", torch.arange(data.num_users)), sum(u @ i.T for u, i in tables.values()))


def test_trains_on_a_subgraph_drawn_every_epoch_and_ranks_with_the_whole_graph(
    toy: MultimodalDataset, make_model: MakeModel, close: Callable[..., None]
) -> None:
    model = make_model(toy)
    ranked = model.eval()().users("visual")
    seen = []
    for epoch in range(2):
        model.train().begin_epoch(torch.Generator().manual_seed(epoch))
        kept = (model.train_graph.to_dense() > 0).double()
        assert int(kept.sum()) == int(0.3 * toy.train.nnz) and bool((kept <= interactions(toy)).all())
        for m, (users, items) in dense_tables(model, toy, kept, {"visual": 0.1, "textual": 0.9}).items():
            close(model().users(m), users)
            close(model().items(m), items)
        seen.append(kept)
        assert torch.equal(model.eval()().users("visual"), ranked)
    assert not torch.equal(*seen)


def test_contrast_is_infonce_between_dropout_twins(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy, contrast=0.7, temperature=0.5, dropout=0.4)
    model.begin_epoch(torch.Generator().manual_seed(3))
    branches = model.eval()()
    losses = model.losses(branches, torch.tensor([3, 3, 0, 5]), torch.tensor([1, 7, 7, 2]), torch.tensor([0, 0, 0, 0]))
    generator = torch.Generator().manual_seed(3)
    torch.empty(toy.train.nnz).exponential_(generator=generator)  # what the subgraph has drawn
    expected = 0.0
    for table, ids in ((branches.users(), [0, 3, 5]), (branches.items(), [1, 2, 7])):
        one, other = (dropout(table[ids], 0.4, generator) for _ in range(2))
        expected += infonce(one, other, 0.5) / 2
    assert list(losses) == ["contrast"] and losses["contrast"].item() == pytest.approx(0.7 * expected, rel=1e-4)
    assert make_model(toy, contrast=0.0).losses(branches, *torch.zeros(3, 1, dtype=torch.int64)) == {}


def test_weight_decay_sees_the_free_user_vectors(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model, users = make_model(toy), torch.tensor([2, 0])
    for rows, m in zip(model.batch_parameters(users, torch.tensor([1])), toy.modalities, strict=True):
        assert torch.equal(rows, model.user[m][users])
