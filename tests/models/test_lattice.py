from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import LATTICE, create_model
from tests.models.dense import Pair, degree_normalised, interactions, lightgcn, projected, state_of, unit

MakeData = Callable[..., MultimodalDataset]
MakeModel = Callable[..., LATTICE]


@pytest.fixture
def make_model(small: Callable[..., Any]) -> MakeModel:
    def make(data: MultimodalDataset, **options: Any) -> LATTICE:
        model = create_model("lattice", data, small("lattice", content_dim=6, **options))
        assert isinstance(model, LATTICE)
        # All modalities start alike: try others.
        model.importance.data = torch.randn(len(data.modalities), generator=torch.Generator().manual_seed(0))
        return model

    return make


def nearest_mask(x: Tensor, there: Tensor, k: int) -> Tensor:
    """The k nearest items of each that has the modality, itself among them."""
    cosine, mask = unit(x) @ unit(x).T, torch.zeros(len(x), len(x), dtype=torch.float64)
    known = there.nonzero().flatten().tolist()
    for i in known:
        mask[i, sorted(known, key=lambda j, i=i: (j != i, -float(cosine[i, j])))[:k]] = 1
    return mask


def weighted(x: Tensor, mask: Tensor) -> Tensor:
    """D^-1/2 S D^-1/2 with S the positive cosines where the mask is 1, and D its row sums."""
    positive = mask * (unit(x) @ unit(x).T).clamp(min=0)
    scale = torch.where(positive.sum(1) > 0, positive.sum(1).clamp(min=1e-12) ** -0.5, 0.0)
    return scale[:, None] * positive * scale


def masks_of(model: LATTICE, data: MultimodalDataset) -> dict[str, Tensor]:
    state = state_of(model)
    return {m: nearest_mask(projected(data, state, m), ~data.missing[m], model.config.k) for m in data.modalities}


def dense_tables(
    model: LATTICE, data: MultimodalDataset, state: dict[str, Tensor], masks: dict[str, Tensor]
) -> dict[str, Pair]:
    """All branches from parameters and the neighbours in the learned graphs."""
    config, graphs = model.config, {}
    for m in data.modalities:
        x = data.features[m].double()
        raw = weighted(x, nearest_mask(x, ~data.missing[m], config.k))
        learned = weighted(projected(data, state, m), masks[m])
        graphs[m] = config.skip * raw + (1 - config.skip) * learned
    alpha = dict(
        zip(data.modalities, torch.exp(state["importance"]) / torch.exp(state["importance"]).sum(), strict=True)
    )
    mixed = torch.stack([alpha[m] * graphs[m] for m in data.modalities]).sum(0)
    before = torch.linalg.matrix_power(mixed, config.item_layers - 1) @ state["item"]
    length = (mixed @ before).norm(dim=1, keepdim=True).clamp(min=1e-12)
    r = degree_normalised(interactions(data))
    users, items = lightgcn(r, (state["user"], state["item"]), config.num_layers)
    tables = {"id": (users, items)} | {m: (users, alpha[m] * graphs[m] @ before / length) for m in data.modalities}
    return tables | {"fused": (users, items + mixed @ before / length)}


@pytest.mark.parametrize("missing", [0.0, 0.25])
@pytest.mark.parametrize("options", [{}, {"item_layers": 2, "num_layers": 1}, {"skip": 0.0}, {"skip": 1.0}])
@pytest.mark.parametrize("modalities", [("visual", "textual"), ("acoustic", "visual", "textual"), ("textual",)])
def test_equals_the_dense_computation(
    modalities: tuple[str, ...],
    options: dict[str, Any],
    missing: float,
    make_data: MakeData,
    make_model: MakeModel,
    close: Callable[..., None],
    agree: Callable[..., None],
) -> None:
    data = make_data(modalities, missing=missing, isolated=True)
    model = make_model(data, **options)
    expected = dense_tables(model, data, state_of(model), masks_of(model, data))
    for training in (True, True, False):  # the first step, another one, and ranking
        branches = model.train(training)()
        assert branches.names == ("id", *modalities, "fused") and branches.modalities == modalities
        agree(branches, expected)
        parts = [branches.items(name) for name in branches.names[:-1]]
        close(branches.items("fused"), torch.stack(parts).sum(0))


def gradients(model: LATTICE, data: MultimodalDataset, weight: Tensor) -> dict[str, Tensor | None]:
    model.zero_grad()
    (model().score_all("fused", torch.arange(data.num_users)) * weight).sum().backward()
    return {name: x.grad for name, x in model.named_parameters()}


def test_gradients_are_the_dense_ones_in_the_first_step_of_an_epoch(
    make_data: MakeData, make_model: MakeModel, close: Callable[..., None]
) -> None:
    data = make_data(missing=0.2)
    model = make_model(data, skip=0.3).train()
    weight = torch.randn(data.num_users, data.num_items, generator=torch.Generator().manual_seed(1))
    state = {name: x.requires_grad_() for name, x in state_of(model).items()}
    user, item = dense_tables(model, data, state, masks_of(model, data))["fused"]
    (user @ item.T * weight).sum().backward()
    for step in range(3):
        if step == 2:
            model.begin_epoch(torch.Generator())
        for name, grad in gradients(model, data, weight).items():
            if step == 1 and name.startswith("content."):
                assert grad is None
            elif step != 1:
                assert grad is not None and state[name].grad is not None
                close(grad, state[name].grad)
            else:
                assert grad is not None and bool(grad.any())


def test_neighbours_are_found_anew_by_epoch_and_for_ranking_but_not_by_step(
    toy: MultimodalDataset, make_model: MakeModel, close: Callable[..., None]
) -> None:
    model = make_model(toy, skip=0.0).train()
    old_state, old = state_of(model), masks_of(model, toy)
    model()
    with torch.no_grad():
        for parameter in model.content.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(5)))
    new = masks_of(model, toy)
    assert any(not torch.equal(old[m], new[m]) for m in old)
    close(model().items(), dense_tables(model, toy, old_state, old)["fused"][1])
    for prepare in (lambda: model.begin_epoch(torch.Generator()), model.eval):
        prepare()
        close(model().items(), dense_tables(model, toy, state_of(model), new)["fused"][1])


def test_parameters_that_did_not_change_keep_their_graphs(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy)
    before = model.item_graph_learned_visual
    model.begin_epoch(torch.Generator())
    model.eval()()
    assert model.item_graph_learned_visual is before


def test_weight_decay_sees_the_vectors_before_propagation(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model = make_model(toy)
    users, items = torch.tensor([2, 0]), torch.tensor([4, 4, 1])
    rows = model.batch_parameters(users, items)
    assert torch.equal(rows[0], model.user[users]) and torch.equal(rows[1], model.item[items])
