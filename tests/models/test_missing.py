"""What lacks a modality is neutral in it, in every model and in everything that models are trained with."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.candidates import candidate_sets
from brmrs_graph.models import create_model, model_names
from brmrs_graph.training import Objective, ObjectiveConfig, TrainConfig, Trainer, objective_preset
from brmrs_graph.training.candidates import inconsistency_graphs, neighbor_graphs
from tests.conftest import toy_data

MakeData = Callable[..., MultimodalDataset]
ID_IN_EVERY_BRANCH = {"mmgcn", "rearm"}
GARBAGE = (float("nan"), float("inf"), 1e3)


def written_over(data: MultimodalDataset) -> MultimodalDataset:
    """The same data set, with values in the rows that its masks say are missing."""
    other = replace(data, features={m: x.clone() for m, x in data.features.items()})
    for number, (m, x) in enumerate(other.features.items()):
        x[data.missing[m]] = GARBAGE[number % len(GARBAGE)]  # in place: a data set cleans what it is given
    return other


def trained(name: str, data: MultimodalDataset, config: Any, loss: ObjectiveConfig) -> Branches:
    model = create_model(name, data, config, seed=1)
    objective = Objective(loss, data, model)
    Trainer(model, objective, data, TrainConfig(epochs=1, batch_size=64, lr=0.05), seed=2).fit(lambda record: None)
    branches: Branches = model.eval()()
    return branches


@pytest.mark.parametrize("name", model_names())
def test_what_is_written_in_rows_that_are_missing_changes_nothing(
    name: str, make_data: MakeData, small: Callable[..., Any]
) -> None:
    data = make_data(missing=0.4, isolated=True)
    other = written_over(data)
    assert not any(torch.equal(other.features[m], x) for m, x in data.features.items())
    hybrid = replace(objective_preset("chns-hybrid"), neighbors=4, infonce=0.1)
    first, second = (trained(name, x, small(name), hybrid) for x in (data, other))
    users = torch.arange(data.num_users)
    for branch in first.names:
        assert first.is_finite(branch)
        assert torch.equal(first.score_all(branch, users), second.score_all(branch, users)), branch


@pytest.mark.parametrize("name", model_names())
def test_unimodal_vectors_of_an_item_that_has_nothing_are_zero(
    name: str, make_data: MakeData, small: Callable[..., Any]
) -> None:
    data = make_data(isolated=True)
    last = torch.arange(data.num_items) == data.num_items - 1
    data = replace(data, missing=dict.fromkeys(data.modalities, last))
    branches = trained(name, data, small(name), objective_preset("bpr"))
    for m in branches.modalities:
        score = branches.score_all(m, torch.arange(data.num_users))[:, -1]
        assert name in ID_IN_EVERY_BRANCH or not bool(score.any())
    if name == "rearm":
        assert not bool(branches.extra["item_visual"][-1].any() or branches.extra["item_textual"][-1].any())


@pytest.mark.parametrize("name", model_names())
def test_masks_do_what_mean_vectors_do_not(name: str, make_data: MakeData, small: Callable[..., Any]) -> None:
    data = make_data(missing=0.4)
    first, second = (create_model(name, x, small(name), seed=1).eval()() for x in (data, data.imputed()))
    users = torch.arange(data.num_users)
    same = [torch.equal(first.score_all(branch, users), second.score_all(branch, users)) for branch in first.names]
    assert all(same) == (not first.modalities)


@settings(max_examples=25, deadline=None)
@given(
    visual=st.lists(st.booleans(), min_size=18, max_size=18),
    textual=st.lists(st.booleans(), min_size=18, max_size=18),
)
def test_graphs_and_comparisons_leave_out_what_is_missing(visual: list[bool], textual: list[bool]) -> None:
    masks = {"visual": torch.tensor(visual), "textual": torch.tensor(textual)}
    data = written_over(replace(toy_data(), missing=masks))
    for m, graph in neighbor_graphs(data, data.modalities, 3).items():
        assert not bool((masks[m][graph.row] | masks[m][graph.col]).any())
    sets = candidate_sets(data, 3)
    listed = inconsistency_graphs(data, data.modalities, 3, 1.0)
    for a, b in permutations(data.modalities, 2):
        for graphs in (listed, sets.lookalikes, sets.close, sets.far):
            graph = graphs[a, b]
            lacking = masks[a] | masks[b]
            assert not bool((lacking[graph.row] | lacking[graph.col]).any())
            assert bool(graph.weight.isfinite().all())


def test_the_item_graphs_offer_no_item_that_lacks_a_side(make_data: MakeData, small: Callable[..., Any]) -> None:
    data = written_over(make_data(missing=0.3, num_items=30))
    model = create_model("brmrs", data, small("brmrs"), seed=0)
    objective = Objective(replace(objective_preset("paper"), chns_form="graph", neighbors=8, pool=8), data, model)
    assert objective.chns is not None
    users, positives = data.train_edges
    negatives = objective.draw(model(), users, positives, 100, torch.Generator().manual_seed(0))
    lacking = data.missing["visual"] | data.missing["textual"]
    drawn = [items for name, items in negatives.items() if isinstance(name, tuple)]
    wrong = sum(int(lacking[items].sum()) for items in drawn)
    assert len(drawn) == 2 and wrong <= objective.chns.fallbacks, "only a uniform stand-in may be such an item"
    assert objective.chns.fallbacks < objective.chns.draws


@pytest.mark.parametrize("name", ["mgcn", "smore"])
def test_the_fused_vector_of_an_item_without_pictures_is_that_of_a_model_without_pictures(
    name: str, small: Callable[..., Any]
) -> None:
    """No item has a picture: masks leave what a model of texts alone computes."""
    data = toy_data()
    blind = replace(data, missing={"visual": torch.ones(data.num_items, dtype=torch.bool)})
    model = create_model(name, blind, small(name), seed=3).eval()
    alone = create_model(name, data.only(["textual"]), small(name), seed=4).eval()
    own = model.state_dict()
    alone.load_state_dict({key: own[key] for key in alone.state_dict()}, strict=True)
    for side in ("users", "items"):
        both, one = getattr(model(), side)(), getattr(alone(), side)()
        if name == "smore":  # the mean there is over views, of which a zero one is one
            ids = getattr(alone(), side)("id")
            both, one = 3 * (both - ids), 2 * (one - ids)
        torch.testing.assert_close(both, one, rtol=1e-4, atol=1e-5)
