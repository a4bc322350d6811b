from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from brmrs_graph.errors import TrainingError
from brmrs_graph.training import ObjectiveConfig
from experiments import ablate
from experiments.ablate import AblateSettings, Part, ablation
from experiments.compare import CompareSettings
from experiments.plan import Plan, folder_name
from experiments.settings import parse
from tests.experiments.conftest import Refuse

PARTS: tuple[Part, ...] = get_args(Part)


@cache  # reading a command line takes 50 ms
def flat(options: tuple[str, ...]) -> dict[str, Any]:
    settings = parse(options)
    model = {f"model.{name}": value for name, value in asdict(settings.options).items()}
    return model | {f"loss.{name}": value for name, value in asdict(settings.loss).items()}


def changes(part: Part, common: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """Arm -> what it changes of the reference."""
    plan = ablation(part, "shop", 3, common)
    arms = {arm.name: flat(plan.options(arm, ())) for arm in plan.arms}
    reference = arms.pop(plan.reference)
    return {name: {key: x for key, x in arm.items() if x != reference[key]} for name, arm in arms.items()}


TWO = {"CHNS weight 3, synergy off", "CHNS off, synergy weight 3", "BPR alone"}


@pytest.mark.parametrize("part", PARTS)
def test_every_arm_changes_one_thing_and_no_two_are_the_same(part: Part) -> None:
    plan = ablation(part, "shop", 3)
    assert plan.arms[0].name == plan.reference == "default" and plan.seeds == (1, 2, 3)
    assert (plan.name, plan.dataset, plan.common) == (f"ablation-{part}-shop", "shop", ())
    assert all(len(arm.trials) == 1 for arm in plan.arms)
    assert len({folder_name(plan.options(arm, ())) for arm in plan.arms}) == len(plan.arms)
    for name, changed in changes(part).items():
        assert len(changed) == 1 or name in TWO, name


def test_components_are_left_out_one_by_one() -> None:
    assert changes("components") | {"BPR alone": {}} == {
        "without CHNS": {"loss.chns": 0},
        "without synergy": {"loss.synergy": 0},
        "without DNS": {"loss.fused_negatives": "uniform"},
        "without branch BPR": {"loss.branch": 0},
        "without item graph": {"model.item_layers": 0},
        "BPR alone": {},
    }
    plan = ablation("components", "shop", 1)
    assert parse(plan.options(plan.arms[-1], ())).loss == ObjectiveConfig()


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("samplers", ("fused_negatives", "chns_form", "chns_assign")),
        ("choices", ("chns_choice", "chns_weighting", "avoid_copurchased", "avoid_duplicates")),
        ("losses", ("synergy_form",)),
    ],
)
def test_every_form_there_is_stands_against_that_of_the_reference(part: Part, names: tuple[str, ...]) -> None:
    plan = ablation(part, "shop", 1)
    tried = [flat(plan.options(arm, ())) for arm in plan.arms]
    for name in names:
        kind = get_type_hints(ObjectiveConfig)[name]
        assert {arm[f"loss.{name}"] for arm in tried} == set(get_args(kind) or (False, True))


def test_weights_margin_curriculum_and_fused_share_are_varied() -> None:
    values = {name: [*arm.values()] for part in ("choices", "losses") for name, arm in changes(part).items()}
    assert values["curriculum 0"] == [0] and values["kappa 1"] == [1] and values["theta 0.1"] == [0.1]
    assert values["synergy off"] == [0] and values["CHNS weight 0.3"] == [0.3] and values["CHNS weight 3"] == [3]
    assert values["CHNS weight 3, synergy off"] == [3, 0] and values["CHNS off, synergy weight 3"] == [0, 3]


def test_what_changes_nothing_is_left_out_also_where_common_options_make_it_so() -> None:
    assert "without branch BPR" in changes("components")
    plan = ablation("components", "shop", 1, ("--loss.branch", "0"))
    assert plan.common == ("--loss.branch", "0")
    assert "without branch BPR" not in [arm.name for arm in plan.arms]


@pytest.fixture
def conducted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Plan, CompareSettings, str]]:
    """Comparisons that would have been carried out; that of choices fails."""
    asked: list[tuple[Plan, CompareSettings, str]] = []

    def conduct(plan: Plan, settings: CompareSettings, command: str) -> dict[str, Any]:
        asked.append((plan, settings, command))
        if "choices" in plan.name:
            raise TrainingError("2 runs failed")
        return {"name": plan.name}

    monkeypatch.setattr(ablate, "conduct", conduct)
    return asked


def test_every_part_is_a_comparison_of_its_own(
    conducted: list[tuple[Plan, CompareSettings, str]], tmp_path: Path
) -> None:
    settings = AblateSettings(
        dataset="shop",
        part=("losses", "components", "losses"),
        seeds=2,
        common="--train.epochs 2 --model.dim 8",
        data_root=tmp_path,
        out=tmp_path / "runs",
        results=tmp_path / "results",
        jobs=3,
    )
    results = ablate.ablate(settings)
    assert list(results) == ["losses", "components"] and results["losses"] == {"name": "ablation-losses-shop"}
    for (plan, where, command), part in zip(conducted, ("losses", "components"), strict=True):
        assert plan == ablation(part, "shop", 2, ("--train.epochs", "2", "--model.dim", "8"))
        assert (where.data_root, where.out, where.jobs) == (tmp_path, tmp_path / "runs", 3)
        assert where.results == tmp_path / "results" / f"ablation-{part}-shop.json"
        assert command == (
            f"python -m experiments.ablate --dataset shop --part {part} --seeds 2 "
            "'--common=--train.epochs 2 --model.dim 8'"
        )


def test_results_lie_with_the_runs_unless_a_folder_is_given(
    conducted: list[tuple[Plan, CompareSettings, str]],
) -> None:
    ablate.ablate(AblateSettings(part=("losses",)))
    assert conducted[0][1].results is None
    assert conducted[0][2] == "python -m experiments.ablate --dataset boutique --part losses --seeds 5"


def test_a_part_with_failed_runs_stops_no_other(conducted: list[tuple[Plan, CompareSettings, str]]) -> None:
    with pytest.raises(TrainingError, match="choices: 2 runs failed"):
        ablate.ablate(AblateSettings(part=("choices", "losses")))
    assert [plan.name for plan, _, _ in conducted] == ["ablation-choices-boutique", "ablation-losses-boutique"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "0"], "seeds is 0"),
        (["--part"], "one or more of components, samplers, choices, losses"),
        (["--part", "other"], "invalid choice 'other'"),
        (["--common=--loss.pol 3"], "--loss.pol"),
    ],
)
def test_what_cannot_be_done_is_named(
    arguments: list[str], message: str, refuse: Refuse, conducted: list[tuple[Plan, CompareSettings, str]]
) -> None:
    assert message in refuse(ablate.command, arguments)
    assert conducted == []
