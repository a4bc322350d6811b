import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from brmrs_graph.errors import ConfigError, TrainingError
from brmrs_graph.evaluation import recall
from experiments.compare import CompareSettings, compare
from experiments.comparison.labels import fewer
from experiments.comparison.runner import Failure, Run, Runner
from experiments.executors.base import Executor
from experiments.plan import settings_of

SHORT = "--train.epochs 2 --model.dim 8 --feature-dim 8"
PLAN = f"""
seeds: [1, 2]
reference: hard
common: {SHORT}
arms:
  hard: {{options: --objective dns, trials: ["--loss.pool 2", "--loss.pool 4"]}}
  plain: {{options: --objective bpr, trials: ["--loss.branch 0", "--loss.branch 1"], against: hard}}
"""


pytestmark = pytest.mark.usefixtures("runs_here")


@pytest.fixture(scope="module")
def compared(
    tmp_path_factory: pytest.TempPathFactory, shops: Path, runs_here: list[str]
) -> tuple[CompareSettings, dict]:
    folder = tmp_path_factory.mktemp("compare")
    (folder / "short.yaml").write_text(PLAN)
    settings = CompareSettings(plan=folder / "short.yaml", dataset="shop", data_root=shops, out=folder / "runs", jobs=1)
    return settings, compare(settings)


@pytest.fixture
def no_runs(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Runs that a comparison would have started."""
    asked: list[Run] = []

    def refuse(_: Runner, run: Run, executor: Executor) -> Failure:
        asked.append(run)
        return Failure(*run, "refused")

    monkeypatch.setattr(Runner, "_run_one", refuse)
    return asked


def test_the_trial_with_the_best_validation_is_chosen(compared: tuple[CompareSettings, dict]) -> None:
    for arm in compared[1]["arms"].values():
        best = max(arm["trials"], key=arm["trials"].get)
        assert arm["options"].endswith(best)


def test_means_are_those_of_the_run_folders(compared: tuple[CompareSettings, dict]) -> None:
    settings, results = compared
    runner = Runner(settings.out, "shop", settings.data_root)
    for arm in results["arms"].values():
        folders = [runner.folder(arm["options"].split(), seed) for seed in (1, 2)]
        metrics = [folder.read_metrics() for folder in folders]
        values = [m["test"]["recall@20"] for m in metrics]
        by_user = [float(recall(folder.read_ranking("test", "fused"), 20).mean()) for folder in folders]
        assert by_user == pytest.approx(values)
        assert arm["test"]["recall@20"]["mean"] == pytest.approx(sum(values) / 2)
        visual = [m["branches"]["test"]["visual"]["ndcg@10"] for m in metrics]
        assert arm["branches"]["visual"]["ndcg@10"]["mean"] == pytest.approx(sum(visual) / 2)


def test_differences_are_reference_minus_arm_and_arm_minus_its_own_baseline(
    compared: tuple[CompareSettings, dict],
) -> None:
    results = compared[1]
    means = {name: arm["test"]["recall@20"]["mean"] for name, arm in results["arms"].items()}
    test, gain = results["against_reference"]["plain"], results["gains"]["plain"]
    assert test["mean"] == pytest.approx(means["hard"] - means["plain"])
    assert test["low"] <= test["mean"] <= test["high"]
    assert gain["against"] == "hard"
    assert gain["mean"] == pytest.approx(-test["mean"])


def test_the_results_file_says_what_made_it(compared: tuple[CompareSettings, dict]) -> None:
    settings, results = compared
    kept = json.loads((settings.out / "short-shop.json").read_text())
    assert kept == json.loads(json.dumps(results))
    assert kept["command"] == f"python -m experiments.compare --plan {settings.plan} --dataset shop"
    assert not kept["data"]["synthetic"]
    assert kept["data"]["hash"]
    assert kept["versions"]["torch"]


@pytest.mark.parametrize("suffix", [".md", ".tex", ".png", ".svg"])
def test_tables_and_chart_lie_beside_the_results(compared: tuple[CompareSettings, dict], suffix: str) -> None:
    assert (compared[0].out / f"short-shop{suffix}").stat().st_size > 500


def test_finished_runs_are_not_repeated(compared: tuple[CompareSettings, dict], no_runs: list[Run]) -> None:
    assert compare(compared[0])["arms"] == compared[1]["arms"]
    assert no_runs == []


def test_a_comparison_goes_on_from_its_results_file_alone(
    compared: tuple[CompareSettings, dict], tmp_path: Path, no_runs: list[Run]
) -> None:
    settings, results = compared
    kept = tmp_path / "kept.json"
    shutil.copy(settings.out / "short-shop.json", kept)
    elsewhere = replace(settings, out=tmp_path / "runs", data_root=tmp_path / "nothing", results=kept)
    assert compare(elsewhere) == results
    assert no_runs == []


def test_only_what_the_results_file_lacks_is_run(
    compared: tuple[CompareSettings, dict], tmp_path: Path, no_runs: list[Run], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = compared[0]
    kept, more = tmp_path / "kept.json", tmp_path / "short.yaml"
    shutil.copy(settings.out / "short-shop.json", kept)
    more.write_text(PLAN.replace("[1, 2]", "[1, 2, 3]"))
    with pytest.raises(TrainingError, match=r"2 runs failed; the first was `.*--seed 3`, which said: refused"):
        compare(replace(settings, plan=more, out=tmp_path / "runs", results=kept))
    assert {seed for _, seed in no_runs} == {3}
    assert "2 of 10 runs to do, about 0.0 core-hours" in capsys.readouterr().out
    assert json.loads(kept.read_text())["arms"]["hard"]["seeds"] == [1, 2]


def test_a_test_that_only_a_trial_needed_is_not_kept(compared: tuple[CompareSettings, dict]) -> None:
    chosen = {arm["options"] for arm in compared[1]["arms"].values()}
    with_test = [run for run in compared[1]["runs"] if "test" in run]
    assert len(chosen) == 2
    assert len(with_test) == 4
    assert len(compared[1]["runs"]) == 6


def test_a_trial_that_lacks_some_of_its_seeds_is_neither_chosen_nor_done(
    compared: tuple[CompareSettings, dict], tmp_path: Path, no_runs: list[Run]
) -> None:
    settings, results = compared
    kept, more = tmp_path / "kept.json", tmp_path / "short.yaml"
    more.write_text(PLAN + "trial_seeds: [1, 2]\n")
    content = json.loads((settings.out / "short-shop.json").read_text())
    for run in content["runs"]:
        if "test" not in run:  # of a trial that was not chosen, so that seed 2 is missing
            run["valid"]["recall@20"] = 1.0
    kept.write_text(json.dumps(content))
    again = compare(replace(settings, plan=more, out=tmp_path / "runs", results=kept, jobs=0))
    for name, arm in again["arms"].items():
        assert arm["options"] == results["arms"][name]["options"]
        assert [arm["options"].endswith(trial) for trial, valid in arm["trials"].items() if valid is not None] == [True]
        assert fewer(arm, again) == " (1 of 2 trials)"
    assert no_runs == []


def test_common_options_are_those_of_every_run_where_its_arm_does_not_say_otherwise(
    compared: tuple[CompareSettings, dict], no_runs: list[Run]
) -> None:
    with pytest.raises(ConfigError, match="no finished run"):
        compare(replace(compared[0], common="--train.epochs 1 --loss.pool 8"))
    told = [settings_of(options) for options, _ in no_runs]
    assert [(run.train.epochs, run.feature_dim) for run in told] == [(1, 8)] * 4
    assert [(run.objective, run.loss.pool) for run in told] == [("dns", 2), ("dns", 4), ("bpr", 8), ("bpr", 8)]


def test_the_command_of_a_comparison_without_a_plan_repeats_it(tmp_path: Path, shops: Path) -> None:
    settings = CompareSettings(
        dataset="shop", arms=("dns", "bpr"), seeds=1, common=SHORT, data_root=shops, out=tmp_path, jobs=1
    )
    assert compare(settings)["command"] == (
        f"python -m experiments.compare --dataset shop --arms dns bpr --seeds 1 '--common={SHORT}'"
    )


def test_failed_runs_are_reported_and_the_others_are_in_the_results(tmp_path: Path, shops: Path) -> None:
    plan = PLAN.replace("--objective bpr, trials", "--objective bpr --model.k 5000, trials")
    (tmp_path / "short.yaml").write_text(plan)
    settings = CompareSettings(
        plan=tmp_path / "short.yaml", dataset="shop", data_root=shops, out=tmp_path / "runs", jobs=1
    )
    with pytest.raises(TrainingError, match=r"2 runs failed; .*k=5000"):
        compare(settings)
    results = json.loads((tmp_path / "runs" / "short-shop.json").read_text())
    assert list(results["arms"]) == ["hard"]
    assert results["not_finished"] == ["plain"]
    assert [failure["seed"] for failure in results["failures"]] == [1, 1]


def test_without_jobs_nothing_runs_and_a_reference_must_be_there(
    tmp_path: Path, shops: Path, no_runs: list[Run]
) -> None:
    settings = CompareSettings(
        arms=("mostpop", "bprmf"), dataset="shop", data_root=shops, out=tmp_path / "runs", jobs=0
    )
    with pytest.raises(ConfigError, match="the reference 'mostpop' has no finished run"):
        compare(settings)
    assert no_runs == []


def test_runs_on_different_data_are_not_compared(compared: tuple[CompareSettings, dict], tmp_path: Path) -> None:
    settings = compared[0]
    kept = tmp_path / "kept.json"
    content = json.loads((settings.out / "short-shop.json").read_text())
    content["runs"][-1]["data"] = "other"
    kept.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=r"made on different data \(content hashes .*other"):
        compare(replace(settings, results=kept, jobs=0))


def test_data_that_changed_since_are_told_although_nothing_is_left_to_run(
    compared: tuple[CompareSettings, dict], other_shops: Path, tmp_path: Path, no_runs: list[object]
) -> None:
    settings = replace(compared[0], jobs=1)
    compare(settings)
    with pytest.raises(ConfigError, match=r"'shop' has changed since its runs were made \(content hash .*--jobs 0"):
        compare(replace(settings, data_root=other_shops))
    compare(replace(settings, data_root=tmp_path))  # data that are not there are not needed
    compare(replace(settings, data_root=other_shops, jobs=0))
    assert no_runs == []


def test_data_that_an_arm_asks_to_be_changed_is_compared_on_the_same_test_pairs(tmp_path: Path, shops: Path) -> None:
    plan = tmp_path / "missing.yaml"
    less = "--corrupt visual:blanked:0.5"
    arms = f"masked: {{options: {less}}}, mean: {{options: {less} --impute mean}}"
    plan.write_text(f"seeds: [1]\nreference: masked\ncommon: {SHORT}\narms: {{{arms}}}\n")
    results = compare(CompareSettings(plan=plan, dataset="shop", data_root=shops, out=tmp_path / "runs", jobs=1))
    assert results["runs"][0]["data"] != results["runs"][1]["data"]
    assert results["against_reference"].keys() == {"mean"}


@pytest.mark.parametrize("content", ["{", '{"runs": []}', '{"runs": [{}], "held_out": {}}'])
def test_a_file_that_is_no_results_file_is_named(
    compared: tuple[CompareSettings, dict], tmp_path: Path, content: str
) -> None:
    (tmp_path / "kept.json").write_text(content)
    with pytest.raises(ConfigError, match=r"kept\.json cannot be read as the results of a comparison"):
        compare(replace(compared[0], results=tmp_path / "kept.json", jobs=0))
