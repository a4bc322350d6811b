from pathlib import Path

import pytest

from experiments.comparison.runner import Runner


def test_runs_have_processes_of_their_own_and_one_that_fails_stops_no_other(
    tmp_path: Path, shops: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a run finds its code and its folder wherever it is started
    runner = Runner(Path("runs"), "shop", shops, jobs=2)
    good = ("--dataset", "shop", "--model", "mostpop")
    bad = ("--dataset", "bare", "--model", "contentknn", "--model.k", "5")
    (failure,) = runner.run([(bad, 1), (good, 1), (good, 1)], "two runs")
    assert (failure.options, failure.seed) == (bad, 1)
    assert "model 'contentknn' needs item features" in failure.message
    assert runner.finished((good, 1))
    metrics = runner.folder(good, 1).read_metrics()
    assert metrics is not None and (metrics["model"], metrics["seed"]) == ("mostpop", 1)
