from dataclasses import replace

import pytest

from brmrs_graph.errors import ConfigError
from brmrs_graph.training import PRESETS
from experiments.plan import Arm, Plan, folder_name, quick_plan, settings_of


@pytest.mark.parametrize("against", ["b", "c"])
def test_an_arm_is_tested_against_another_one(against: str) -> None:
    with pytest.raises(ConfigError, match=f"arm 'b' is to be tested against '{against}', which is no other arm"):
        Plan("x", "shop", (Arm("a", ()), Arm("b", (), against=against)), "a", (1,))


def test_options_are_data_set_then_common_then_arm_then_trial() -> None:
    arm = Arm("a", ("--objective", "bpr"), (("--loss.branch", "1"),))
    plan = Plan("p", "toy", (arm,), "a", (1,), common=("--model.dim", "8"))
    assert plan.options(arm, arm.trials[0]) == (
        *("--dataset", "toy", "--model.dim", "8", "--objective", "bpr", "--loss.branch", "1"),
    )


def test_options_that_resolve_to_the_same_settings_share_their_runs() -> None:
    plain = folder_name(["--objective", "bpr"])
    assert plain == folder_name(["--loss.pool", "4", "--objective", "bpr", "--seed", "5", "--threads", "1"])
    assert plain != folder_name(["--objective", "bpr", "--loss.pool", "8"])
    assert plain != folder_name(["--objective", "dns"])


def test_a_changed_model_does_not_find_its_earlier_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: folder_name(["--model", name]) for name in ("brmrs", "freedom")}
    monkeypatch.setattr("brmrs_graph.models.FREEDOM.revision", 7)
    assert folder_name(["--model", "freedom"]) != before["freedom"]
    assert folder_name(["--model", "brmrs"]) == before["brmrs"]


def test_a_changed_preset_does_not_find_old_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    before = folder_name(["--objective", "bpr"])
    monkeypatch.setitem(PRESETS, "bpr", ("changed", replace(PRESETS["bpr"][1], pool=9)))
    settings_of.cache_clear()
    assert folder_name(["--objective", "bpr"]) != before


def test_a_quick_plan_takes_objectives_and_models() -> None:
    plan = quick_plan("toy", ["bpr", "lightgcn"], 3)
    assert [arm.options for arm in plan.arms] == [("--objective", "bpr"), ("--model", "lightgcn")]
    assert (plan.reference, plan.seeds) == ("bpr", (1, 2, 3))


def test_a_name_that_is_neither_is_named() -> None:
    with pytest.raises(ConfigError, match="'bprr' is neither an objective nor a model"):
        quick_plan("toy", ["bprr"], 3)
