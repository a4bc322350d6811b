from dataclasses import replace

import pytest

from brmrs_graph.errors import ConfigError
from brmrs_graph.models import model_class, model_names
from brmrs_graph.training import PRESETS, objective_preset

CONTROLS = ("bpr", "dns", "ahns", "mixgcf", "self")


def test_an_unknown_name_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'chns' is unknown.*bpr, dns, ahns, mixgcf, self, paper, chns-graph"):
        objective_preset("chns")


def test_names_of_objectives_are_no_names_of_models() -> None:
    assert not set(PRESETS) & set(model_names())


def test_every_model_has_a_default_objective_that_is_there() -> None:
    assert all(model_class(name).default_objective in PRESETS for name in model_names())


def test_a_control_says_so_and_has_no_cross_modal_negatives() -> None:
    for name, (what, config) in PRESETS.items():
        assert what.startswith("control:") == (name in CONTROLS)
        if name in CONTROLS:
            assert "CHNS" not in what and not (config.chns and config.chns_assign != "self") and not config.synergy


def test_what_names_itself_chns_assigns_across() -> None:
    named = [config for what, config in PRESETS.values() if "CHNS" in what]
    assert len(named) >= 4
    assert all(config.chns > 0 and config.chns_assign == "cross" for config in named)


def test_paper_is_the_two_losses_alone() -> None:
    config = objective_preset("paper")
    weights = {name: getattr(config, name) for name in ("fused", "branch", "infonce", "orthogonality", "chns_fused")}
    assert not any(weights.values()) and config.chns and config.synergy
    assert (config.chns_form, config.chns_assign, config.synergy_form) == ("pool", "cross", "raw")
    assert config.curriculum == 0


def test_controls_of_the_fused_score_differ_from_dns_in_the_negatives_alone() -> None:
    for name in ("ahns", "mixgcf"):
        assert objective_preset(name) == replace(objective_preset("dns"), fused_negatives=name)
