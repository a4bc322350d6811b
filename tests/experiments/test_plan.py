from dataclasses import replace
from pathlib import Path

import pytest

from brmrs_graph.errors import ConfigError
from brmrs_graph.models import model_names
from brmrs_graph.training import PRESETS
from experiments.plan import Arm, Plan, folder_name, quick_plan, read_plan, settings_of

CONFIGS = Path(__file__).resolve().parents[2] / "experiments" / "configs"


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(CONFIGS.glob("*.yaml")) if path.stem not in ("search", "models")],
    ids=lambda path: path.stem,
)
def test_every_plan_of_the_project_reads_and_gives_all_arms_equally_many_trials(path: Path) -> None:
    plan = read_plan(path, "" if "\ndataset: " in path.read_text() else "shop")
    assert len({len(arm.trials) for arm in plan.arms}) == 1
    assert plan.reference in [arm.name for arm in plan.arms]


def test_the_plan_of_all_models_gives_the_strong_eight_trials_and_five_seeds_and_the_others_three() -> None:
    plan = read_plan(CONFIGS / "models.yaml", "shop")
    given = {arm.name: (len(arm.trials), len(plan.final_runs(arm, ()))) for arm in plan.arms}
    strong = {name for name, numbers in given.items() if numbers == (8, 5)}
    assert given.keys() == set(model_names()) and len(strong) == 8 and plan.reference in strong
    assert {name: given[name] for name in given.keys() - strong} == {
        name: (1 if name == "mostpop" else 3, 3) for name in given.keys() - strong
    }


def test_a_plan_without_a_data_set_takes_any_and_ends_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text("reference: a\nseeds: [1]\narms:\n  a: {}\n  b: {against: a}\n")
    plan = read_plan(path, "shop")
    assert (plan.name, plan.dataset, plan.arms[1].against) == ("two-shop", "shop", "a")
    with pytest.raises(ConfigError, match=r"two\.yaml names no data set; give one with --dataset"):
        read_plan(path)
    path.write_text("dataset: shop\n" + path.read_text())
    assert read_plan(path, "shop").name == "two"
    with pytest.raises(ConfigError, match=r"is a plan for the data set 'shop'; leave out --dataset bazaar"):
        read_plan(path, "bazaar")


@pytest.mark.parametrize("against", ["b", "c"])
def test_an_arm_is_tested_against_another_one(against: str) -> None:
    with pytest.raises(ConfigError, match=f"arm 'b' is to be tested against '{against}', which is no other arm"):
        Plan("x", "shop", (Arm("a", ()), Arm("b", (), against=against)), "a", (1,))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("seeds: [1, 1, 1]\narms: {a: {}}", "seeds are to differ, but are 1, 1, 1; give each seed once"),
        ("seeds: [1]\ntrial_seeds: [2, 3, 2]\narms: {a: {}}", "trial_seeds are to differ, but are 2, 3, 2; give each"),
        ("seeds: [1]\narms: {a: {}, b: {seeds: [4, 4]}}", "seeds of arm 'b' are to differ, but are 4, 4; give each"),
        ("seeds: [1]\narms: {a: {}, b: {trials: []}}", "arm 'b' has an empty list of trials; give one, or leave the"),
    ],
)
def test_no_run_counts_twice_and_every_arm_has_a_trial(wrong: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(f"dataset: shop\nreference: a\n{wrong}\n")
    with pytest.raises(ConfigError, match=said):
        read_plan(tmp_path / "plan.yaml")


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


@pytest.mark.parametrize(
    "content",
    [
        "",
        "a: [",
        "arms: {a: {}}",
        "dataset: x\nreference: b\nseeds: [1]\narms: {a: {}}",
        "dataset: x\nreference: a\narms: 3",
    ],
)
def test_a_wrong_plan_is_one_error(content: str, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(content)
    with pytest.raises(ConfigError, match=r"plan|reference"):
        read_plan(tmp_path / "plan.yaml")


def test_a_plan_that_is_not_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read"):
        read_plan(tmp_path / "none.yaml")
