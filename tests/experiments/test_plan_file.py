from pathlib import Path

import pytest

from brmrs_graph.errors import ConfigError
from brmrs_graph.models import model_names
from experiments.plan_file import read_plan

CONFIGS = Path(__file__).resolve().parents[2] / "experiments" / "configs"
FINE = "dataset: x\nreference: a\nseeds: [1]\n"


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


def test_a_plan_that_is_not_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read"):
        read_plan(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", r"plan\.yaml: nothing stands where entries such as 'dataset: …' belong"),
        ("- a", r"plan\.yaml: \['a'\] stands where entries"),
        ("a: [", r"plan\.yaml is no valid YAML: .* line 1"),
        ("arms: {a: {}}", r"plan\.yaml names no data set; give one with --dataset"),
        ("dataset: x\nseeds: [1]\narms: {a: {}}", r"plan\.yaml: 'reference' is missing"),
        ("dataset: x\nreference: a\narms: {a: {}}", r"plan\.yaml: 'seeds' is missing"),
        ("dataset: x\nreference: a\nseeds: 3\narms: {a: {}}", r"seeds is 3; give a list of numbers, such as \[1, 2\]"),
        ("dataset: x\nreference: a\nseeds: [1, b]\narms: {a: {}}", r"seeds is \[1, 'b'\]; give a list of numbers"),
        ("dataset: x\nreference: b\nseeds: [1]\narms: {a: {}}", "reference 'b' is none of the arms: a"),
        (FINE, r"plan\.yaml: 'arms' is missing"),
        (FINE + "arms: 3", r"plan\.yaml, arms: 3 stands where entries such as 'NAME: …' belong"),
        (FINE + "arms: [a]", r"plan\.yaml, arms: \['a'\] stands where"),
        (FINE + "arms:\n  a:", r"plan\.yaml, arm 'a': nothing stands where entries such as 'options: …' belong"),
        (FINE + "arms: {a: {}}\ncomon: --model.dim 8", r"plan\.yaml: 'comon' is unknown; did you mean 'common'\?"),
        (
            FINE + "arms: {a: {optons: --model.dim 8}}",
            r"plan\.yaml, arm 'a': 'optons' is unknown; did you mean 'options'",
        ),
        (FINE + "arms: {a: {lr: 3}}", "arm 'a': 'lr' is unknown; it takes options, trials, against, seeds"),
        (FINE + "arms: {a: {options: [--model.dim, 8]}}", r"arm 'a': options is \['--model.dim', 8\]; give one text"),
        (FINE + "arms: {a: {trials: --model.dim 8}}", "arm 'a': trials is '--model.dim 8'; give a list of options"),
        (FINE + "arms: {a: {trials: [it's]}}", "arm 'a': trials 'it's' cannot be split into words: No closing quot"),
        (FINE + "arms: {a: {seeds: 4}}", "arm 'a': seeds is 4; give a list of numbers"),
    ],
)
def test_what_is_wrong_in_a_plan_is_told_with_its_place(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(content)
    with pytest.raises(ConfigError, match=said):
        read_plan(tmp_path / "plan.yaml")
