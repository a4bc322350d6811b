import json
from pathlib import Path

import pytest

from brmrs_graph.errors import TrainingError
from brmrs_graph.evaluation import recall
from experiments.compare import CompareSettings, Runner, compare
from experiments.plan import read_plan

SHORT = "--train.epochs 2 --model.dim 8 --feature-dim 8"
PLAN = f"""
dataset: boutique
seeds: [1, 2]
reference: hard
common: {SHORT}
arms:
  hard: {{options: --objective dns, trials: ["--loss.pool 2", "--loss.pool 4"]}}
  plain: {{options: --objective bpr, trials: ["--loss.branch 0", "--loss.branch 1"]}}
"""


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[CompareSettings, dict]:
    folder = tmp_path_factory.mktemp("compare")
    (folder / "short.yaml").write_text(PLAN)
    settings = CompareSettings(plan=folder / "short.yaml", out=folder / "runs", jobs=2)
    return settings, compare(settings)


def test_the_trial_with_the_best_validation_is_chosen(compared: tuple[CompareSettings, dict]) -> None:
    for arm in compared[1]["arms"].values():
        best = max(arm["trials"], key=arm["trials"].get)
        assert arm["options"].endswith(best)


def test_means_are_those_of_the_run_folders(compared: tuple[CompareSettings, dict]) -> None:
    settings, results = compared
    runner = Runner(read_plan(settings.plan), settings)
    for arm in runner.plan.arms:
        folders = [runner.folder(runner.plan.options(arm, runner.choose(arm)), seed) for seed in (1, 2)]
        values = [folder.read_metrics()["test"]["recall@20"] for folder in folders]
        by_user = [float(recall(folder.read_ranking("test", "fused"), 20).mean()) for folder in folders]
        assert by_user == pytest.approx(values)
        assert results["arms"][arm.name]["test"]["recall@20"]["mean"] == pytest.approx(sum(values) / 2)


def test_the_difference_is_reference_minus_arm(compared: tuple[CompareSettings, dict]) -> None:
    results = compared[1]
    means = {name: arm["test"]["recall@20"]["mean"] for name, arm in results["arms"].items()}
    test = results["against_reference"]["plain"]
    assert test["mean"] == pytest.approx(means["hard"] - means["plain"])
    assert test["low"] <= test["mean"] <= test["high"]


def test_the_results_file_says_what_made_it(compared: tuple[CompareSettings, dict]) -> None:
    settings, results = compared
    kept = json.loads((settings.out / "short.json").read_text())
    assert kept == json.loads(json.dumps(results))
    assert kept["command"] == f"python -m experiments.compare --plan {settings.plan}"
    assert kept["data"]["synthetic"] and kept["data"]["hash"] and kept["versions"]["torch"]


def test_finished_runs_are_not_repeated(
    compared: tuple[CompareSettings, dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise AssertionError("a finished run was started again")

    monkeypatch.setattr(Runner, "_run_one", refuse)
    assert compare(compared[0])["arms"] == compared[1]["arms"]


def test_a_failed_run_is_reported_after_the_others_are_done(tmp_path: Path) -> None:
    plan = PLAN.replace("--objective bpr, trials", "--objective bpr --model.k 5000, trials")
    (tmp_path / "short.yaml").write_text(plan)
    settings = CompareSettings(plan=tmp_path / "short.yaml", out=tmp_path / "runs", jobs=2)
    with pytest.raises(TrainingError, match=r"2 of 4 runs failed; .*k=5000"):
        compare(settings)
    runner = Runner(read_plan(settings.plan), settings)
    hard = runner.plan.arms[0]
    assert all(runner.folder(runner.plan.options(hard, trial), 1).read_metrics() for trial in hard.trials)
