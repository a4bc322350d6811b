from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import BRMRS, CKD, BRMRSConfig
from brmrs_graph.models.ckd import _weights
from tests.models.conftest import maker
from tests.models.dense import sigmoid

MakeModel = Callable[..., CKD]
OPTIONS: dict[str, Any] = {"dim": 8, "k": 3, "num_layers": 1, "item_layers": 2}


@pytest.fixture
def make_model() -> MakeModel:
    return maker("ckd", CKD, **OPTIONS)


def backbone(data: MultimodalDataset, part: torch.nn.Module, **options: Any) -> Branches:
    """What the backbone alone gives with the parameters of the student or of a teacher."""
    model = BRMRS(data, BRMRSConfig(**OPTIONS, **options))
    model.load_state_dict(part.state_dict())
    return model()


def scores(branches: Branches, name: str) -> Tensor:
    return branches.score_all(name, torch.arange(branches.num_users)).detach().double()


@pytest.mark.parametrize("id_channel", [False, True])
@pytest.mark.parametrize("modalities", [("visual", "textual"), ("acoustic", "visual", "textual"), ("textual",)])
def test_student_is_the_backbone_and_teachers_are_backbones_of_one_modality(
    modalities: tuple[str, ...],
    id_channel: bool,
    make_data: Callable[..., MultimodalDataset],
    make_model: MakeModel,
    close: Callable[..., None],
) -> None:
    data = make_data(modalities, missing=0.2, isolated=True)
    model = make_model(data, id_channel=id_channel).train()
    student, branches = backbone(data, model.student, id_channel=id_channel), model()
    assert branches.names == student.names and branches.modalities == modalities
    for name in branches.names:
        close(scores(branches, name), scores(student, name))
    for m, teacher in model.teachers.items():
        solo = backbone(data, teacher, modalities=(m,), id_channel=id_channel)
        close(branches.extra[f"user_{m}"], solo.users())
        close(branches.extra[f"item_{m}"], solo.items())
    assert list(model.teachers) == list(modalities)
    assert model.eval()().extra == {}


@pytest.mark.parametrize("id_channel", [False, True])
@pytest.mark.parametrize("modalities", [("visual", "textual"), ("acoustic", "visual", "textual"), ("textual",)])
def test_losses_equal_the_formulas_triple_by_triple(
    modalities: tuple[str, ...], id_channel: bool, make_data: Callable[..., MultimodalDataset], make_model: MakeModel
) -> None:
    data = make_data(modalities)
    model = make_model(data, id_channel=id_channel, distill=0.7, generic=3.0, temperature=0.5).train()
    with torch.no_grad():  # margins that differ
        for parameter in model.parameters():
            parameter.mul_(2)
    users, positives, negatives = torch.tensor([3, 3, 0, 5]), torch.tensor([1, 7, 7, 2]), torch.tensor([4, 0, 9, 11])
    model.begin_epoch(torch.Generator().manual_seed(3))
    branches = model()
    losses = model.losses(branches, users, positives, negatives)
    pairs = torch.randint(data.num_items, (4, 2), generator=torch.Generator().manual_seed(3))
    free = scores(branches, "id") if id_channel else 0.0
    own = {m: scores(branches, m) for m in modalities}
    path = {m: x + free for m, x in own.items()}
    solo = {m: (branches.extra[f"user_{m}"] @ branches.extra[f"item_{m}"].T).detach().double() for m in modalities}
    teacher, distill, hinges = 0.0, 0.0, 0
    for m in modalities:
        generic = 0.0
        for u, (j, k) in zip(users, pairs, strict=True):
            p, q = (sigmoid((table[m][u, j] - table[m][u, k]) / 0.5) for table in (solo, path))
            generic += float(p * torch.log(p / q) + (1 - p) * torch.log((1 - p) / (1 - q))) / 4
        for u, i, j in zip(users, positives, negatives, strict=True):
            effect = {}
            for n in modalities:
                ratio = float((own[n][u, i] - own[n][u, j]) / (path[n][u, i] - path[n][u, j]))
                effect[n] = min(max(ratio, 1e-8), 10)
            weight = len(modalities) / effect[m] / sum(1 / c for c in effect.values())
            margin = solo[m][u, i] - solo[m][u, j]
            gap = float(margin - (path[m][u, i] - path[m][u, j]))
            hinges += gap > 0
            distill += weight * (max(gap, 0) + 3 * generic) / 4
            teacher -= float(torch.log(sigmoid(margin))) / 4
    assert 0 < hinges < 4 * len(modalities)
    assert list(losses) == ["teacher", "distill"]
    assert losses["teacher"].item() == pytest.approx(teacher, rel=1e-4)
    assert losses["distill"].item() == pytest.approx(0.7 * distill, rel=1e-3)


def test_counterfactual_weights_favour_the_weaker_modality_within_bounds() -> None:
    # Effects of a: 1 / 2; 5 / 0.1, clipped to 10; -1 / 1, clipped to 1e-8; 0 / 0, taken for 1. Of b: 1 / 4; 2; 1e-8; 1.
    own = {"a": torch.tensor([1.0, 5.0, -1.0, 0.0]), "b": torch.tensor([1 / 3, 9.8, 0.0, 0.0])}
    weights = _weights(own, torch.tensor([1.0, -4.9, 2.0, 0.0]))
    torch.testing.assert_close(weights["a"], torch.tensor([2 / 3, 1 / 3, 1.0, 1.0]))
    torch.testing.assert_close(weights["b"], torch.tensor([4 / 3, 5 / 3, 1.0, 1.0]))


def test_each_loss_trains_its_own_side(toy: MultimodalDataset, make_model: MakeModel) -> None:
    for name, trained in (("teacher", "teachers."), ("distill", "student.")):
        model = make_model(toy).train()
        model.begin_epoch(torch.Generator().manual_seed(0))
        users = torch.arange(toy.num_users)
        model.losses(model(), users, users, users + 3)[name].backward()
        for parameter, x in model.named_parameters():
            assert bool(x.grad is not None and x.grad.any()) == parameter.startswith(trained), (name, parameter)


def test_items_without_a_modality_give_finite_losses(
    make_data: Callable[..., MultimodalDataset], make_model: MakeModel
) -> None:
    data = make_data(missing=1.0)
    model, ids = make_model(data).train(), torch.arange(4)
    assert all(bool(x.isfinite()) for x in model.losses(model(), ids, ids, ids + 1).values())


def test_weight_decay_sees_the_free_vectors_of_all(toy: MultimodalDataset, make_model: MakeModel) -> None:
    model, users = make_model(toy), torch.tensor([2, 0])
    rows = model.batch_parameters(users, torch.tensor([1]))
    tables = [*model.student.user.values(), *(x for t in model.teachers.values() for x in t.user.values())]
    assert len(tables) == 4
    for found, table in zip(rows, tables, strict=True):
        assert torch.equal(found, table[users])
