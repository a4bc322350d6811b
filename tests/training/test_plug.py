import re
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.losses import bpr_loss
from brmrs_graph.models import BPRMF, BRMRS, BRMRSConfig, Recommender, create_model, model_config, model_names
from brmrs_graph.nn import ConcatFusion
from brmrs_graph.training import PLUGS, PRESETS, Objective, ObjectiveConfig, objective_preset, plug, require_branches

PAGE = (Path(__file__).parents[2] / "docs" / "plug-in.md").read_text()
CHNS = {"chns", "chns_form", "chns_assign", "chns_fused", "curriculum", "neighbors", "delta"}
SYNERGY = {"synergy", "synergy_form", "theta"}


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_model(name: str, data: MultimodalDataset) -> Recommender:
    known = {field.name for field in fields(model_config(name))}
    options = {key: value for key, value in {"dim": 8, "k": 3}.items() if key in known}
    return create_model(name, data, model_config(name)(**options), seed=1).train()


# --- the configuration


@pytest.mark.parametrize(
    ("names", "least"), [((), set()), (["chns"], CHNS), (["synergy"], SYNERGY), (PLUGS, CHNS | SYNERGY)]
)
def test_what_is_plugged_in_has_the_weights_of_the_default_and_the_rest_stays(names: Any, least: set[str]) -> None:
    other = ObjectiveConfig(*range(100, 100 + len(fields(ObjectiveConfig))))  # type: ignore[arg-type]
    before, after, default = asdict(other), asdict(plug(other, names)), asdict(objective_preset("default"))
    changed = {field for field in before if after[field] != before[field]}
    assert least <= changed and all(after[field] == default[field] for field in changed)
    assert not changed & {"fused", "fused_negatives", "branch", "pool", "infonce", "orthogonality", "weight_decay"}
    assert bool(changed & CHNS) == ("chns" in names) and bool(changed & SYNERGY) == ("synergy" in names)


def test_what_a_plug_names_are_fields_still() -> None:
    names = [field.name for field in fields(ObjectiveConfig)]
    for _, beginnings in PLUGS.values():
        assert all(any(name.startswith(beginning) for name in names) for beginning in beginnings)


def test_the_default_has_both_already_and_order_and_repeats_mean_nothing() -> None:
    default, bpr = objective_preset("default"), objective_preset("bpr")
    assert plug(default, PLUGS) == default
    assert plug(bpr, ["synergy", "chns", "chns"]) == plug(plug(bpr, ["chns"]), ["synergy"]) == plug(bpr, PLUGS)
    assert plug(bpr, PLUGS).chns == 1.0 and plug(bpr, PLUGS).synergy == 1.0


@pytest.mark.parametrize("objective", PRESETS)
def test_nothing_of_any_objective_but_its_own_cross_modal_and_synergy_parts_changes(objective: str) -> None:
    before, after = asdict(objective_preset(objective)), asdict(plug(objective_preset(objective), PLUGS))
    assert all(
        name.startswith(("chns", "synergy", "theta", "curriculum")) for name in before if before[name] != after[name]
    )


@pytest.mark.parametrize("name", ["dns", "branch", "CHNS", ""])
def test_an_unknown_name_is_an_error_that_lists_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"'{name}' cannot be plugged in; choose among chns, synergy"):
        plug(ObjectiveConfig(), ["chns", name])


# --- every model that has a row in the table of the page


def rows() -> Iterator[tuple[str, list[str]]]:
    for line in PAGE.splitlines():
        if cells := re.match(r"\| `(\w+)` \|(.*)\|$", line):
            yield cells[1], [cell.strip() for cell in cells[2].split("|")]


TABLE = dict(rows())


def quoted(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


@pytest.fixture(params=TABLE)
def model(request: pytest.FixtureRequest, toy: MultimodalDataset) -> Recommender:
    """A model with two unimodal branches."""
    return small_model(request.param, toy)


def step(config: ObjectiveConfig, data: MultimodalDataset, model: Recommender) -> dict[str, Tensor]:
    """The terms of a batch; the pool, of which the other terms' negatives are taken, is the same in every call."""
    users, positives = data.train_edges[:, :50]
    model.begin_epoch(seeded(6))
    return Objective(config, data, model)(model, users, positives, 20, seeded(5))[0]


def plugged(model: Recommender) -> ObjectiveConfig:
    config = plug(objective_preset(model.default_objective), PLUGS)
    return replace(config, synergy_form="reference") if model.averages else config


def reached(loss: Tensor, model: Recommender) -> set[str]:
    """The parameters to which a loss sends a gradient."""
    if not loss.requires_grad:
        return set()
    names, parameters = zip(*model.named_parameters(), strict=True)
    gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    assert all(bool(x.isfinite().all()) for x in gradients if x is not None)
    return {name for name, x in zip(names, gradients, strict=True) if x is not None and bool(x.any())}


def test_plugging_adds_two_finite_terms_and_leaves_all_others_as_they_were(
    model: Recommender, toy: MultimodalDataset
) -> None:
    own = step(objective_preset(model.default_objective), toy, model)
    terms = step(plugged(model), toy, model)
    assert terms.keys() == own.keys() | {"chns", "synergy"}
    for name, term in own.items():
        torch.testing.assert_close(terms[name], term)
    assert all(bool(term.isfinite()) for term in terms.values())


def test_what_is_plugged_in_trains_the_model(model: Recommender, toy: MultimodalDataset) -> None:
    terms = step(plugged(model), toy, model)
    trained = reached(terms["chns"], model)
    for m in model.modalities:
        assert any(m in name for name in trained), m
    # The fused score of late fusion is cut off from its branches, and the margins that it is to exceed are constants.
    assert bool(reached(terms["synergy"], model)) != (type(model).__name__ == "LateFusion")


# --- the table


def test_the_table_has_every_model_that_can_be_plugged_into(toy: MultimodalDataset) -> None:
    models = {name: small_model(name, toy) for name in model_names()}
    able = {name for name, model in models.items() if len(model.modalities) > 1 and list(model.parameters())}
    assert TABLE.keys() == able
    for name in able:
        require_branches(models[name])
    for name in models.keys() - able:
        with pytest.raises(ConfigError, match=type(models[name]).__name__) as caught:
            require_branches(models[name])
        assert str(caught.value).endswith(f"a branch for each: {', '.join(sorted(able))}")


@pytest.mark.parametrize("name", TABLE)
def test_the_table_tells_branches_fusion_and_what_both_train(name: str, toy: MultimodalDataset) -> None:
    other, fused, shared, _, form = TABLE[name]
    model = small_model(name, toy)
    model.begin_epoch(seeded(6))
    branches = model()
    assert quoted(other) == set(branches.names) - {*branches.modalities, FUSED}

    users, positives = toy.train_edges
    everyone = torch.arange(toy.num_users)
    scores = {branch: branches.score_all(branch, everyone) for branch in branches.names}
    total = torch.stack([scores[branch] for branch in branches.names[:-1]]).sum(dim=0)
    assert fused.startswith("their sum") == torch.allclose(total, scores[FUSED], rtol=1e-3, atol=1e-5)
    assert form == "raw" or not fused.startswith(("their sum", "sum of their vectors"))
    assert (form == "none") == (model.averages and not reached(scores[FUSED].sum(), model))
    if fused.startswith("sum of their vectors"):
        rest = branches.items() - torch.stack([branches.items(branch) for branch in branches.names[:-1]]).sum(dim=0)
        assert not bool(rest.any()) or "smoothed" in fused

    negatives = positives.flip(0)
    margin = {b: branches.score(b, users, positives) - branches.score(b, users, negatives) for b in branches.names}
    by_branch = reached(torch.stack([bpr_loss(margin[m]) for m in branches.modalities]).sum(), model)
    by_fused = reached(bpr_loss(margin[FUSED]), model)
    assert quoted(shared) == {parameter.split(".")[0] for parameter in by_branch & by_fused}


# --- a model of one's own


class TwoTower(Recommender):
    def __init__(self, data: MultimodalDataset) -> None:
        super().__init__()
        self.modalities = data.modalities
        self.features = data.features
        self.users = nn.ParameterDict(
            [(m, torch.randn(data.num_users, 4, generator=seeded(1))) for m in self.modalities]
        )
        self.towers = nn.ModuleDict({m: nn.Linear(x.size(1), 4, bias=False) for m, x in data.features.items()})

    def forward(self) -> Branches:
        items = {m: self.towers[m](x) for m, x in self.features.items()}
        return Branches(dict(self.users.items()), items, self.modalities, ConcatFusion())


@pytest.mark.parametrize("modalities", [("visual", "textual"), ("sound", "smell", "taste")])
def test_an_unregistered_model_of_any_modalities_trains_on_what_is_plugged_in(
    modalities: tuple[str, ...], make_data: Any
) -> None:
    data = make_data(modalities)
    model = TwoTower(data)
    require_branches(model)
    users, positives = data.train_edges
    config = plug(replace(objective_preset("bpr"), fused=0.0), PLUGS)
    objective = Objective(config, data, model)
    terms, _ = objective(model, users, positives, 20, seeded(5))
    assert terms.keys() == {"chns", "synergy"}
    negatives = objective.draw(model(), users, positives, 20, seeded(5))
    branches = model()
    expected = torch.zeros(())
    for a, b in permutations(modalities, 2):
        margin = branches.score(b, users, positives) - branches.score(b, users, negatives[a, b])
        expected = expected + bpr_loss(margin) / (len(modalities) - 1)
    torch.testing.assert_close(terms["chns"], expected)
    assert reached(terms["chns"], model) == reached(terms["synergy"], model) == dict(model.named_parameters()).keys()


def test_one_modality_and_none_are_told_apart(make_data: Any) -> None:
    data = make_data(("textual",))
    with pytest.raises(ConfigError, match="two at least, but BRMRS has only textual"):
        require_branches(BRMRS(data, BRMRSConfig(dim=4, k=3)))
    with pytest.raises(ConfigError, match="two at least, but BPRMF has none"):
        require_branches(BPRMF(data, model_config("bprmf")()))
    with pytest.raises(ConfigError, match="but nothing in ContentKNN is trained"):
        require_branches(small_model("contentknn", make_data()))
