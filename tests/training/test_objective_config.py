from dataclasses import replace
from typing import Any

import pytest

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.models import BRMRSConfig, Recommender, create_model
from brmrs_graph.training import Objective, ObjectiveConfig


def model_of(data: MultimodalDataset) -> Recommender:
    return create_model("brmrs", data, BRMRSConfig(dim=6, k=3))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((name, -0.1) for name in ("fused", "branch", "chns", "chns_fused", "synergy", "theta", "infonce")),
        *((name, -0.1) for name in ("orthogonality", "weight_decay", "temperature")),
        ("fused", float("nan")),
        ("curriculum", -1),
        ("pool", 0),
        ("neighbors", 0),
        ("temperature", 0.0),
        ("fused_negatives", "hard"),
        ("chns_form", "pol"),
        ("chns_assign", "other"),
        ("chns_choice", "confuse"),
        ("chns_weighting", "some"),
        ("ahns_alpha", -0.1),
        ("ahns_beta", -0.1),
        ("synergy_form", "cooked"),
    ],
)
def test_a_value_out_of_range_is_an_error_that_names_the_field(field: str, value: Any, toy: MultimodalDataset) -> None:
    with pytest.raises(ConfigError, match=rf"loss\.{field} is '?{value}"):
        Objective(replace(ObjectiveConfig(chns=0.1), **{field: value}), toy, model_of(toy))


@pytest.mark.parametrize("form", ["graph", "hybrid", "close", "far"])
def test_more_neighbors_than_items_are_an_error_that_names_the_field(form: Any, toy: MultimodalDataset) -> None:
    with pytest.raises(ConfigError, match=rf"loss\.neighbors is 18.*{toy.num_items} items"):
        Objective(ObjectiveConfig(chns=0.1, chns_form=form, neighbors=18), toy, model_of(toy))
    Objective(ObjectiveConfig(chns=0.1, chns_form="pool", neighbors=18), toy, model_of(toy))
