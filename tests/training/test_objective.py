from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, permutations
from typing import Any

import pytest
import torch
from torch import Tensor

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.models import BRMRSConfig, MGCNConfig, Recommender, create_model
from brmrs_graph.nn import ConcatFusion
from brmrs_graph.training import PRESETS, Objective, ObjectiveConfig, objective_preset
from brmrs_graph.training.batch import Negatives

EVERYTHING = ObjectiveConfig(
    fused=0.9,
    fused_negatives="dns",
    branch=0.4,
    chns=0.3,
    chns_fused=0.7,
    curriculum=0,
    synergy=0.2,
    infonce=0.5,
    orthogonality=0.6,
    weight_decay=0.1,
    neighbors=6,
)


def small(config: ObjectiveConfig) -> ObjectiveConfig:
    """The same with as many neighbours as a small data set can have."""
    return replace(config, neighbors=6)


def model_of(data: MultimodalDataset, **options: Any) -> Recommender:
    return create_model("brmrs", data, BRMRSConfig(dim=6, k=3, **options)).train()


def batch_of(data: MultimodalDataset, size: int = 40) -> tuple[Tensor, Tensor]:
    users, positives = data.train_edges[:, torch.randperm(data.train.nnz, generator=seeded(7))[:size]]
    return users, positives


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bpr(margin: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """The mean of -w log σ(margin), in double precision."""
    return -(weight * torch.log(1 / (1 + torch.exp(-margin.double())))).mean()


def disagreement(margin_a: Tensor, margin_b: Tensor) -> Tensor:
    a, b = (margin.detach().double() / margin.detach().double().std(correction=0) for margin in (margin_a, margin_b))
    return (b - a).sigmoid() / (b - a).sigmoid().mean()


def terms_by_hand(
    model: Recommender, config: ObjectiveConfig, users: Tensor, positives: Tensor, negatives: Negatives
) -> dict[str, Tensor]:
    """Every term from full score matrices and given negatives; those with a weight of 0 are left out."""
    branches = model()
    names = branches.modalities
    row = torch.arange(len(users))
    full = {name: branches.score_all(name, users) for name in branches.names}

    def margin(branch: str, items: Tensor) -> Tensor:
        return full[branch][row, positives] - full[branch][row, items]

    uniform = negatives["uniform"]
    hard = negatives.get("hard", uniform)
    share = negatives.shares.get("hard", torch.ones(len(users)))
    unimodal = torch.stack([margin(name, uniform) for name in names])
    terms = {
        "fused": config.fused * bpr(share * margin("fused", hard)),
        "branch": config.branch * torch.stack([bpr(x) for x in unimodal]).sum(),
    }
    if config.chns:
        total: Any = 0
        for a, b in permutations(names, 2):
            items = negatives[a, b]
            weighted = config.chns_weighting == "disagreement"
            weight = disagreement(margin(a, items), margin(b, items)) if weighted else 1.0
            trained = {"cross": [b], "self": [a], "both": [a, b]}[config.chns_assign]
            total += sum(bpr(margin(branch, items), weight) for branch in trained) / len(trained)
            total += config.chns_fused * bpr(margin("fused", items), weight)
        terms["chns"] = config.chns * total / (len(names) - 1)
    if config.synergy_form == "raw":
        over = margin("fused", uniform) - unimodal.max(dim=0).values
    else:
        spread = unimodal.std(dim=1, correction=0, keepdim=True).detach()
        reference = (unimodal / spread).exp().sum(0).log().detach().clamp(0, 3)
        fused = margin("fused", uniform)
        over = fused / fused.std(correction=0).detach() - reference
    terms["synergy"] = config.synergy * bpr(over - config.theta)
    views = [torch.nn.functional.normalize(branches.items(name)[positives.unique()], dim=1) for name in names]
    pairs = list(combinations(views, 2))
    contrast, right_angles = 0.0, 0.0
    for a, b in pairs:
        logits = a @ b.T / config.temperature
        contrast += (
            -(logits.log_softmax(0).diagonal().mean() + logits.log_softmax(1).diagonal().mean()) / 2 / len(pairs)
        )
        right_angles += (a * b).sum(1).square().mean() / len(pairs)
    terms["infonce"] = config.infonce * contrast
    terms["orthogonality"] = config.orthogonality * right_angles
    rows = model.batch_parameters(users, torch.cat([positives, hard]))
    terms["decay"] = config.weight_decay * sum(x.square().sum() for x in rows) / len(users)
    return {name: term for name, term in terms.items() if bool(torch.as_tensor(term).detach() != 0)}


def check_terms(config: ObjectiveConfig, data: MultimodalDataset, model: Recommender, epoch: int = 3) -> None:
    users, positives = batch_of(data)
    objective = Objective(config, data, model)
    terms, logged = objective(model, users, positives, epoch, seeded(5))
    negatives = objective.draw(model(), users, positives, epoch, seeded(5))
    expected = terms_by_hand(model, config, users, positives, negatives)
    assert set(terms) == set(expected)
    for name, term in expected.items():
        assert float(terms[name].detach()) == pytest.approx(float(term.detach()), rel=1e-4), name
    assert all(not x.requires_grad for x in logged.values())
    gradients = [
        torch.autograd.grad(sum(these.values()), list(model.parameters()), allow_unused=True)
        for these in (terms, expected)
    ]
    for x, y in zip(*gradients, strict=True):
        assert (x is None) == (y is None)
        if x is not None and y is not None:
            torch.testing.assert_close(x, y.to(x.dtype), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "own"])
def test_terms_of_every_preset_equal_those_computed_by_hand(preset: str, toy: MultimodalDataset) -> None:
    config = small(objective_preset(preset))
    check_terms(config, toy, model_of(toy, id_channel=preset != "paper"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chns_assign": "both"},
        {"chns_assign": "self", "chns_fused": 0.0},
        {"chns_form": "graph"},
        {"chns_form": "hybrid", "pool": 8, "avoid_copurchased": True, "avoid_duplicates": True},
        {"chns_form": "close", "chns_choice": "disagree", "chns_weighting": "disagreement"},
        {"chns_form": "far", "chns_choice": "separable", "chns_assign": "both", "chns_weighting": "disagreement"},
        {"chns_form": "hybrid", "chns_choice": "both", "pool": 8},
        {"fused_negatives": "ahns", "ahns_alpha": 0.5, "ahns_beta": 0.3},
        {"fused_negatives": "mixgcf"},
        {"synergy_form": "reference", "theta": 0.1},
        {"fused_negatives": "uniform", "fused": 0.0},
        {"curriculum": 6},
        {"weight_decay": 0.0, "infonce": 0.0},
    ],
)
@pytest.mark.parametrize("modalities", [("visual", "textual"), ("visual", "textual", "acoustic")])
def test_terms_of_other_weights_and_forms_equal_those_computed_by_hand(
    options: dict[str, Any], modalities: tuple[str, ...], make_data: Callable[..., MultimodalDataset]
) -> None:
    data = make_data(modalities, missing=0.1)
    check_terms(replace(EVERYTHING, **options), data, model_of(data, id_channel=True))


@pytest.mark.parametrize("fusion", ["gate", "mlp"])
def test_terms_of_learned_fusions_equal_those_computed_by_hand(fusion: str, toy: MultimodalDataset) -> None:
    check_terms(EVERYTHING, toy, model_of(toy, fusion=fusion))


class Fixed(Recommender):
    """Two modalities whose scores are given matrices."""

    modalities = ("visual", "textual")

    def __init__(self, visual: Tensor, textual: Tensor) -> None:
        super().__init__()
        self.scores = {"visual": visual, "textual": textual}

    def forward(self) -> Branches:
        items = {name: torch.eye(x.size(1)) for name, x in self.scores.items()}
        return Branches(self.scores, items, self.modalities, ConcatFusion())


@pytest.fixture
def fixed(toy: MultimodalDataset) -> Fixed:
    return Fixed(*torch.randn(2, toy.num_users, toy.num_items, generator=seeded(0)))


def test_negatives_are_drawn_outside_training_pairs_and_the_hardest_of_one_pool(
    toy: MultimodalDataset, fixed: Fixed
) -> None:
    users, positives = batch_of(toy, 80)
    config = ObjectiveConfig(fused_negatives="dns", chns=1.0, curriculum=0, pool=5)
    objective = Objective(config, toy, fixed)
    negatives = objective.draw(fixed(), users, positives, 0, seeded(1))
    pool = objective.uniform.draw(users, 5, seeded(1))
    train = torch.from_numpy(toy.train.toarray())
    assert not bool(train[users.unsqueeze(1), pool].any())
    assert torch.equal(negatives["uniform"], pool[:, 0])
    judges = {"hard": sum(fixed.scores.values()), ("visual", "textual"): fixed.scores["visual"]}
    judges["textual", "visual"] = fixed.scores["textual"]
    assert set(negatives) == {"uniform", *judges}
    for name, scores in judges.items():
        judged = zip(users.tolist(), pool.tolist(), strict=True)
        best = [max(items, key=lambda item, s=scores[user]: float(s[item])) for user, items in judged]
        assert negatives[name].tolist() == best


def test_negatives_of_the_fused_score_are_chosen_from_the_pool_by_every_rule(
    toy: MultimodalDataset, fixed: Fixed
) -> None:
    users, positives = batch_of(toy, 80)
    fused = sum(fixed.scores.values())
    drawn = {}
    for rule in ("dns", "ahns", "mixgcf"):
        config = ObjectiveConfig(fused_negatives=rule, pool=5, ahns_alpha=2.0, ahns_beta=0.7)
        objective = Objective(config, toy, fixed)
        drawn[rule] = objective.draw(fixed(), users, positives, 0, seeded(1))
    generator = seeded(1)
    pool = objective.uniform.draw(users, 5, generator)
    scores, best = fused[users.unsqueeze(1), pool], fused[users, positives]
    share = torch.rand(80, 5, generator=generator)
    for row in range(80):
        left = share[row] * (best[row] - scores[row])  # the margins of the mixed vectors
        assert drawn["mixgcf"]["hard"][row] == pool[row, left.argmin()]
        assert drawn["mixgcf"].shares["hard"][row] == share[row, left.argmin()]
        wanted = 0.7 / (best[row] + 2.0) if best[row] > -2.0 else torch.inf
        distance = (scores[row] - wanted).abs() if wanted < scores[row].max() else -scores[row]
        assert drawn["ahns"]["hard"][row] == pool[row, distance.argmin()]
    assert len({tuple(negatives["hard"].tolist()) for negatives in drawn.values()}) == 3
    assert not drawn["ahns"].shares


@pytest.mark.parametrize("form", ["pool", "graph", "hybrid", "close", "far"])
@pytest.mark.parametrize("choice", ["confused", "disagree", "separable", "both"])
def test_every_choice_of_every_form_draws_negatives_that_were_not_bought(
    form: Any, choice: Any, make_data: Callable[..., MultimodalDataset]
) -> None:
    data = make_data(("visual", "textual", "acoustic"), num_users=20, num_items=40, missing=0.2)
    model = model_of(data)
    config = ObjectiveConfig(chns=1.0, chns_form=form, chns_choice=choice, curriculum=0, pool=6, neighbors=8)
    objective = Objective(config, data, model)
    users, positives = batch_of(data, 100)
    _, logged = objective(model, users, positives, 0, seeded(3))
    assert 0 <= float(logged["chns_fallback_share"]) < 0.9
    negatives, again = (objective.draw(model(), users, positives, 0, seeded(3)) for _ in range(2))
    train = torch.from_numpy(data.train.toarray())
    for direction in permutations(data.modalities, 2):
        assert not bool(train[users, negatives[direction]].any())
        assert torch.equal(negatives[direction], again[direction])


def test_held_out_pairs_are_reachable_as_negatives(toy: MultimodalDataset, fixed: Fixed) -> None:
    users = torch.arange(toy.num_users).repeat(400)
    drawn = Objective(ObjectiveConfig(), toy, fixed).draw(fixed(), users, users, 0, seeded(0))["uniform"]
    reached = torch.zeros(toy.num_users, toy.num_items, dtype=torch.bool)
    reached[users, drawn] = True
    assert torch.equal(reached, torch.from_numpy(toy.train.toarray() == 0))


@pytest.mark.parametrize(("curriculum", "epoch", "share"), [(10, 0, 0.0), (10, 3, 0.3), (10, 10, 1.0), (0, 0, 1.0)])
def test_the_share_of_hard_negatives_rises_with_the_epoch(
    curriculum: int, epoch: int, share: float, toy: MultimodalDataset, fixed: Fixed
) -> None:
    users = torch.arange(toy.num_users).repeat(300)
    objective = Objective(ObjectiveConfig(chns=1.0, curriculum=curriculum, pool=8), toy, fixed)
    negatives = objective.draw(fixed(), users, users, epoch, seeded(0))
    pool = objective.uniform.draw(users, 8, seeded(0))
    scores = fixed.scores["visual"][users.unsqueeze(1), pool]
    hard = pool.gather(1, scores.argmax(1, keepdim=True)).squeeze(1)
    chosen = negatives["visual", "textual"]
    told_apart = hard != pool[:, 0]
    is_hard = chosen == hard
    assert bool((is_hard | (chosen == pool[:, 0])).all())
    assert float(is_hard[told_apart].double().mean()) == pytest.approx(share, abs=0.03 if 0 < share < 1 else 0)


def test_logged_synergy_share_and_norm_are_those_of_the_batch(toy: MultimodalDataset, fixed: Fixed) -> None:
    users, positives = batch_of(toy)
    objective = Objective(ObjectiveConfig(theta=0.2), toy, fixed)
    _, logged = objective(fixed, users, positives, 0, seeded(2))
    negatives = objective.draw(fixed(), users, positives, 0, seeded(2))["uniform"]
    margins = [x[users, positives] - x[users, negatives] for x in fixed.scores.values()]
    share = (torch.minimum(*margins) > 0.2).float().mean()
    assert float(logged["synergy_share"]) == pytest.approx(float(share))
    model = model_of(toy)
    terms, logged = Objective(ObjectiveConfig(weight_decay=0.5), toy, model)(model, users, positives, 0, seeded(2))
    assert float(terms["decay"].detach()) == pytest.approx(0.5 * float(logged["norm"]))


def test_terms_that_need_two_modalities_are_left_out_with_a_note_for_models_with_fewer(
    toy: MultimodalDataset,
) -> None:
    users, positives = batch_of(toy)
    content_free = create_model("lightgcn", toy)
    for model, number, left in ((model_of(toy, modalities=("textual",)), 1, {"branch"}), (content_free, 0, set())):
        objective = Objective(EVERYTHING, toy, model)
        assert objective.notes == [
            f"chns, synergy, infonce, orthogonality left out: they need two modalities, and the model has {number}"
        ]
        terms, _ = objective(model, users, positives, 0, seeded(0))
        assert set(terms) == {"fused", "decay"} | left
    assert Objective(EVERYTHING, toy, model_of(toy)).notes == []
    assert Objective(ObjectiveConfig(), toy, content_free).notes == []


@pytest.mark.parametrize(
    ("model", "config"),
    [
        ("lightgcn", objective_preset("paper")),
        ("lightgcn", ObjectiveConfig(fused=0.0, branch=0.3)),
        ("lightgcn", ObjectiveConfig(fused=0.0, synergy=0.3, branch=0.3)),
        ("vbpr", ObjectiveConfig(fused=0.0)),
    ],
)
def test_an_objective_of_which_nothing_is_left_is_refused(
    model: str, config: ObjectiveConfig, toy: MultimodalDataset
) -> None:
    with pytest.raises(ConfigError, match=r"every term.*loss\.fused"):
        Objective(config, toy, create_model(model, toy))


@pytest.mark.parametrize("options", [{"fusion": "mean"}, {"fusion": "gate", "gate_scale": 1.0}])
def test_raw_synergy_is_refused_where_the_fused_score_averages(options: dict[str, Any], toy: MultimodalDataset) -> None:
    with pytest.raises(ConfigError, match="reference"):
        Objective(ObjectiveConfig(synergy=0.3), toy, model_of(toy, **options))
    check_terms(replace(EVERYTHING, synergy_form="reference"), toy, model_of(toy, **options))


class Shrinking(Recommender):
    """A model with a loss of its own: the mean square of what it drew in its forward pass."""

    def __init__(self, num_users: int, num_items: int) -> None:
        super().__init__()
        self.user, self.item = (torch.nn.Parameter(torch.ones(n, 2)) for n in (num_users, num_items))

    def forward(self) -> Branches:
        return Branches({"fused": self.user}, {"fused": self.item}, extra={"twin": 2 * self.item})

    def losses(self, branches: Branches, users: Tensor, positives: Tensor, negatives: Tensor) -> dict[str, Tensor]:
        assert users.shape == positives.shape == negatives.shape
        return {"fused": 0.5 * branches.extra["twin"][positives].square().mean()}


def test_a_models_own_losses_are_added(toy: MultimodalDataset) -> None:
    model = Shrinking(toy.num_users, toy.num_items)
    users, positives = batch_of(toy)
    terms, _ = Objective(ObjectiveConfig(), toy, model)(model, users, positives, 0, seeded(0))
    assert set(terms) == {"fused", "own_fused"}, "a name of the objective's own is not taken from it"
    assert float(terms["own_fused"].detach()) == 2
    terms, _ = Objective(objective_preset("own"), toy, model)(model, users, positives, 0, seeded(0))
    assert set(terms) == {"own_fused"}
    with pytest.raises(ConfigError, match="every term of the objective is left out"):
        Objective(objective_preset("own"), toy, model_of(toy))


def test_a_model_whose_own_losses_have_no_weight_is_not_trained_on_its_weight_decay_alone(
    toy: MultimodalDataset,
) -> None:
    model = create_model("mgcn", toy, MGCNConfig(dim=4, k=2, contrast=0.0))
    users, positives = batch_of(toy)
    with pytest.raises(ConfigError, match="nothing is trained but weight decay"):
        Objective(objective_preset("own"), toy, model)(model, users, positives, 0, seeded(0))
