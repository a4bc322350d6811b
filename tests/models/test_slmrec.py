from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.models import SLMRec
from tests.models.conftest import maker
from tests.models.dense import (
    Pair,
    degree_normalised,
    infonce,
    interactions,
    lightgcn,
    linear,
    projected,
    state_of,
    unit,
)

MakeModel = Callable[..., SLMRec]


@pytest.fixture
def make_model() -> MakeModel:
    return maker("slmrec", SLMRec)


def dense_tables(model: SLMRec, data: MultimodalDataset) -> dict[str, Pair]:
    state, r = state_of(model), degree_normalised(interactions(data))
    starts = {m: projected(data, state, m, unit) for m in data.modalities} | {"id": state["item"]}
    tables = {name: lightgcn(r, (state["user"], x), model.config.num_layers) for name, x in starts.items()}

    def fuse(side: int, layer: str) -> Tensor:
        return linear(state, layer, torch.cat([pair[side] for pair in tables.values()], dim=1))

    return tables | {"fused": (fuse(0, "fuse_user"), fuse(1, "fuse_item"))}


@pytest.mark.parametrize("missing", [0.0, 0.25])
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("modalities", [("visual", "textual"), ("acoustic", "visual", "textual"), ("textual",)])
def test_equals_the_dense_computation(
    modalities: tuple[str, ...],
    num_layers: int,
    missing: float,
    make_data: Callable[..., MultimodalDataset],
    make_model: MakeModel,
    agree: Callable[..., None],
) -> None:
    data = make_data(modalities, missing=missing, isolated=True)
    model = make_model(data, num_layers=num_layers)
    tables, branches = dense_tables(model, data), model()
    assert branches.names == (*modalities, "id", "fused") and branches.modalities == modalities
    agree(branches, tables)


def test_losses_are_infonce_on_interactions_and_along_the_chain_of_spaces(
    make_data: Callable[..., MultimodalDataset], make_model: MakeModel
) -> None:
    data = make_data(missing=0.3)
    model = make_model(data, contrast=0.7, contrast_temperature=0.4, temperature=0.5)
    users, positives = torch.tensor([3, 3, 0, 5, 1]), torch.tensor([1, 7, 7, 2, 9])
    tables, state = dense_tables(model, data), state_of(model)
    losses = model.losses(model(), users, positives, positives)
    assert list(losses) == ["main", "contrast"]
    main = infonce(tables["fused"][0][users], tables["fused"][1][positives], 0.5)
    assert losses["main"].item() == pytest.approx(main, rel=1e-4)
    items = torch.tensor([1, 2, 7, 9])
    there = {m: ~data.missing[m][items] for m in data.modalities}
    assert any(1 < int(x.sum()) < 4 for x in there.values())
    fine = linear(state, "coarse.visual", tables["id"][1][items])
    coarse = linear(state, "coarse.textual", fine)
    contrast = 0.0
    for m, space in (("visual", fine), ("textual", coarse)):
        own = linear(state, f"fine.{m}", tables[m][1][items])
        contrast += infonce(space[there[m]], own[there[m]], 0.4)
    assert losses["contrast"].item() == pytest.approx(0.7 * contrast, rel=1e-4)
    assert list(make_model(data, contrast=0.0).losses(model(), users, positives, positives)) == ["main"]


def test_a_batch_without_a_modality_aligns_nothing(
    make_data: Callable[..., MultimodalDataset], make_model: MakeModel
) -> None:
    data = make_data(missing=1.0)
    model, ids = make_model(data), torch.arange(4)
    assert model.losses(model(), ids, ids, ids)["contrast"].item() == 0


def test_weight_decay_sees_the_free_vectors(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy)
    users, items = model.batch_parameters(torch.tensor([2, 0]), torch.tensor([4, 4, 1]))
    assert torch.equal(users, model.user[[2, 0]]) and torch.equal(items, model.item[[4, 4, 1]])


def test_it_trains_on_its_own_losses_alone() -> None:
    assert SLMRec.default_objective == "own"


@pytest.mark.parametrize("name", ["temperature", "contrast_temperature"])
def test_a_temperature_of_zero_is_named(name: str, toy: MultimodalDataset, make_model: MakeModel) -> None:
    with pytest.raises(ConfigError, match=f"{name}=0.0"):
        make_model(toy, **{name: 0.0})
