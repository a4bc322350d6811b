import json
import re
import shlex
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from brmrs_graph.errors import ConfigError, DataError, TrainingError
from experiments import cli
from experiments import run as run_module
from experiments.comparison.runner import Runner
from experiments.executors.base import LostRunError
from experiments.executors.local import LocalExecutor
from experiments.plan_file import read_plan
from experiments.run import OnEpoch, run
from experiments.runfolder import RunFolder
from experiments.settings import RunSettings, parse, to_dict
from experiments.tune import TuneSettings, command, prepare, tune
from experiments.tuning import contender as contender_module
from experiments.tuning.studies import GRACE_SECONDS, Count, Studies, open_storage, quiet, requeue
from experiments.tuning.trial import DATA, OPTIONS, BudgetSpentError, Objective

Refuse = Callable[[Callable[[Sequence[str]], None], Sequence[str]], str]
Training = Callable[[RunSettings], dict[int, float]]

SHORT = "--train.epochs 2 --train.batch-size 64"
SPACE = """
common: {train.lr: {low: 3e-4, high: 1e-2, log: true}, loss.weight-decay: {low: 1e-6, high: 1e-1, log: true}}
models:
  mostpop: {train.lr: null, loss.weight-decay: null}
  itemknn: {train.lr: null, loss.weight-decay: null, model.shrink: {low: 1, high: 1000, log: true}}
  freedom: {model.dropout: [0.8, 0.9], model.content-weight: [0, 1e-5, 1e-4, 1e-3]}
"""
TEST_RECALL = 0.4321987
"""What a pretended run gives on the test, which nobody may see."""


class Trainings:
    """Pretends to train: the validation metrics of the epochs follow from the settings."""

    def __init__(self) -> None:
        self.done: list[RunSettings] = []
        self.curve: Training = lambda settings: {1: 1 / (1 + abs(settings.train.lr - 2e-3) * 1e3)}
        self.fail: Callable[[RunSettings, int], None] = lambda settings, number: None
        self.data = "abc"

    def train(self, executor: LocalExecutor, arguments: Sequence[str], on_epoch: OnEpoch) -> dict[str, Any]:
        settings = parse(arguments)
        self.done.append(settings)
        curve = self.curve(settings)
        for epoch, value in curve.items():
            on_epoch({"epoch": epoch, "valid": {"recall@20": value}})
        self.fail(settings, len(self.done))
        return {
            "valid": {"recall@20": max(curve.values())},
            "test": {"recall@20": TEST_RECALL},
            "training": {"epochs": max(curve)},
            "data": {"hash": self.data},
        }


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Trainings:
    pretended = Trainings()
    for module in ("experiments.tune", "experiments.comparison.runner"):
        monkeypatch.setattr(f"{module}.ensure_available", lambda name, data_root: None)
    monkeypatch.setattr(LocalExecutor, "train", lambda *arguments: pretended.train(*arguments))
    return pretended


@pytest.fixture
def settings(tmp_path: Path) -> TuneSettings:
    (tmp_path / "search.yaml").write_text(SPACE)
    return TuneSettings(
        dataset="shop", models=("freedom",), trials=2, out=tmp_path, jobs=1, search=tmp_path / "search.yaml"
    )


def test_data_that_are_not_there_leave_nothing_behind(settings: TuneSettings) -> None:
    out = settings.out / "none"
    with pytest.raises(DataError, match="data set 'shop' is not there"):
        tune(replace(settings, out=out))
    assert not out.exists()


def trials(settings: TuneSettings) -> list[optuna.trial.FrozenTrial]:
    tuning = prepare(settings)
    return tuning.open().trials_of(tuning.contenders[0])


def listed(found: dict[str, Any], key: str, model: str = "freedom") -> list[Any]:
    return [trial[key] for trial in found["models"][model]["trials"]]


# --- what is run, and what comes out


def test_every_model_gets_its_trials_and_the_best_by_validation_are_planned(
    settings: TuneSettings, trainings: Trainings, capsys: pytest.CaptureFixture[str]
) -> None:
    found = tune(replace(settings, models=("freedom", "lightgcn"), trials=3))
    plan = read_plan(settings.out / "tuned-shop.yaml")
    assert (plan.name, plan.dataset, plan.reference, plan.seeds) == ("tuned-shop", "shop", "freedom", (1, 2, 3, 4, 5))
    assert [arm.name for arm in plan.arms] == ["freedom", "lightgcn"]
    for arm in plan.arms:
        first = next(done for done in trainings.done if done.model == arm.name)
        defaults = ["--model", arm.name, "--dataset", "shop", "--seed", "1", "--threads", "1"]
        assert to_dict(replace(first, out=None)) == to_dict(parse(defaults))
        assert len(set(listed(found, "options", arm.name))) == 3
        best = found["models"][arm.name]["best"]
        assert best["value"] == max(listed(found, "value", arm.name))
        assert plan.options(arm, ()) == ("--dataset", "shop", "--model", arm.name, *shlex.split(best["options"]))
    rates = [done.train.lr for done in trainings.done]
    assert len(set(rates)) == 5, "the default twice, and four drawn ones"
    assert all(3e-4 <= rate <= 1e-2 for rate in rates)

    storage = "\n".join(sqlite3.connect(settings.out / "tune-shop.db").iterdump())
    written = [(settings.out / name).read_text() for name in ("tune-shop.json", "tuned-shop.yaml")]
    shown = capsys.readouterr().out
    assert "0.5" in storage and "train.lr" in shown
    assert all(str(TEST_RECALL)[:6] not in text for text in (storage, shown, *written)), "the test is nobody's business"
    assert found["command"].startswith("python -m experiments.tune --dataset shop --models freedom lightgcn --trials 3")
    assert f"#   {found['command']}\n" in written[1]
    assert f"next: python -m experiments.compare --plan {settings.out}/tuned-shop.yaml --out {settings.out}" in shown


def test_real_runs_lie_where_a_comparison_finds_them(
    shops: Path, settings: TuneSettings, runs_here: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(settings, data_root=shops, common=SHORT)
    found = tune(settings)
    plan = read_plan(settings.out / "tuned-shop.yaml")
    runner = Runner(settings.out, "shop")
    for arm in plan.arms:
        metrics = runner.folder(plan.options(arm, ()), 1).read_metrics()
        assert metrics is not None
        assert metrics["valid"]["recall@20"] == found["models"][arm.name]["best"]["value"]
    (settings.out / "tune-shop.db").unlink()
    monkeypatch.setattr(run_module, "create_model", lambda *_: pytest.fail("a finished run was trained again"))
    again = tune(settings)
    assert [listed(again, "value", arm.name) for arm in plan.arms] == [
        listed(found, "value", arm.name) for arm in plan.arms
    ]


def test_published_options_start_the_search_unless_common_ones_differ(
    settings: TuneSettings, trainings: Trainings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "freedom.yaml").write_text(
        "shop: {options: --model.dropout 0.3 --train.lr 5e-5 --train.batch-size 64 --loss.weight-decay 0}"
    )
    monkeypatch.setattr(contender_module, "PUBLISHED", tmp_path)
    settings = replace(settings, common="--train.batch-size 32")
    found = tune(settings)
    first, drawn = trainings.done
    assert (first.options.dropout, first.train.lr, first.loss.weight_decay) == (0.3, 5e-5, 0.0)
    assert (first.train.batch_size, drawn.train.batch_size) == (32, 32)
    assert drawn.train.lr >= 3e-4 and drawn.loss.weight_decay > 0, "drawn ones are in the space"
    assert found["models"]["freedom"]["space"]["model.dropout"] == ["0.8", "0.9", "0.3"]
    nearest = {"train.lr": 3e-4, "loss.weight-decay": 1e-6, "model.dropout": "0.3", "model.content-weight": "0.001"}
    assert trials(settings)[0].params == nearest


def test_common_options_are_not_tuned(settings: TuneSettings, trainings: Trainings) -> None:
    found = tune(replace(settings, common="--train.lr 0.004 --model.dropout 0.5"))
    assert set(found["models"]["freedom"]["space"]) == {"loss.weight-decay", "model.content-weight"}
    assert {(done.train.lr, done.options.dropout) for done in trainings.done} == {(0.004, 0.5)}


def test_a_model_with_nothing_to_tune_has_one_trial(settings: TuneSettings, trainings: Trainings) -> None:
    assert tune(replace(settings, models=("mostpop",)))["models"]["mostpop"]["finished"] == 1


# --- going on


def test_a_search_that_was_stopped_goes_on_to_the_same_end(
    settings: TuneSettings, trainings: Trainings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tune(replace(settings, trials=4, out=tmp_path / "whole"))

    def stop(done: RunSettings, number: int) -> None:
        if number == 4 + 2:
            raise KeyboardInterrupt("2 epochs are kept")

    trainings.fail = stop
    arguments = ["--dataset", "shop", "--models", "freedom", "--trials", "4", "--search", str(settings.search)]
    arguments += ["--out", str(tmp_path / "cut")]
    assert cli.main(command, [*arguments, "--jobs", "1"]) == 130
    said = capsys.readouterr().err
    assert "the same command goes on:" in said and shlex.join(["python", "-m", "experiments.tune", *arguments]) in said
    settings = replace(settings, trials=4, out=tmp_path / "cut")
    assert [trial.state.name for trial in trials(settings)] == ["COMPLETE", "FAIL", "WAITING"]
    parts = tune(settings)
    assert "freedom (bpr, 4 options): 4 trials, 1 finished, 0 running, 3 left" in capsys.readouterr().out
    assert listed(parts, "options") == listed(whole, "options")
    assert listed(parts, "value") == listed(whole, "value")
    assert len(trainings.done) == 4 + 4 + 1


def test_more_trials_go_on_from_fewer(settings: TuneSettings, trainings: Trainings) -> None:
    few = tune(replace(settings, trials=1))
    more = tune(settings)
    assert listed(more, "options")[:1] == listed(few, "options")
    assert len(trainings.done) == 2
    tune(settings)
    assert len(trainings.done) == 2, "the budget is spent"


def test_the_trial_of_a_process_that_died_is_done_by_another(settings: TuneSettings, trainings: Trainings) -> None:
    tuning = prepare(settings)
    studies, chosen = tuning.open(), tuning.contenders[0]
    number = dying_trial(studies, chosen)
    assert studies.count(chosen) == Count(budget=2, finished=0, running=1), "it may be alive"
    with sqlite3.connect(settings.out / "tune-shop.db") as database:
        database.execute("UPDATE trial_heartbeats SET heartbeat = datetime('now', '-1 hour')")
    assert studies.count(chosen) == Count(budget=2, finished=0, running=0)
    found = tune(settings)
    assert found["models"]["freedom"]["finished"] == 2
    dead, *others = trials(settings)
    assert (dead.number, dead.state) == (number, TrialState.FAIL)
    assert others[0].params == dead.params and others[0].state == TrialState.COMPLETE
    assert listed(found, "options")[0] == "", "it was the first, with the defaults"


def test_a_command_waits_for_the_trials_of_others(
    settings: TuneSettings, trainings: Trainings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tuning = prepare(settings)
    studies, chosen = tuning.open(), tuning.contenders[0]
    number = dying_trial(studies, chosen)
    monkeypatch.setattr(LocalExecutor, "pause", lambda *_: studies[chosen].tell(number, 0.9))
    assert tune(settings)["models"]["freedom"]["best"]["number"] == number
    assert len(trainings.done) == 1
    assert "waiting for 1 trials that other commands run" in capsys.readouterr().out


def dying_trial(studies: Studies, chosen: contender_module.Contender) -> int:
    with pytest.warns(UserWarning, match="Heartbeat"):
        trial = studies[chosen].ask()
    studies.storage.record_heartbeat(trial._trial_id)
    trial.set_user_attr(OPTIONS, shlex.join(chosen.words(trial)))
    trial.set_user_attr(DATA, "abc")
    return trial.number


def test_a_changed_space_starts_a_study_of_its_own(
    settings: TuneSettings, trainings: Trainings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = replace(settings, trials=1)
    before = tune(settings)
    assert "not gone on with" not in capsys.readouterr().out
    (tmp_path / "other.yaml").write_text("common: {train.lr: {low: 1e-3, high: 1e-2, log: true}}")
    names = [before["models"]["freedom"]["study"]]
    for change in ({"search": tmp_path / "other.yaml"}, {"common": SHORT}, {"seed": 2}):
        names.append(tune(replace(settings, **change))["models"]["freedom"]["study"])
        assert f"not gone on with: {len(names) - 1} studies of freedom" in capsys.readouterr().out
    assert len(set(names)) == len(trainings.done) == 4
    assert all(name.startswith("shop/freedom/bpr/") for name in names)
    assert tune(settings)["models"] == before["models"], "the old study is still there"


# --- several processes


def test_of_trials_begun_at_once_those_over_the_budget_are_withdrawn(
    settings: TuneSettings, trainings: Trainings
) -> None:
    tuning = prepare(settings)
    here, there, chosen = tuning.open(), tuning.open(), tuning.contenders[0]
    with pytest.warns(UserWarning, match="Heartbeat"):
        begun = [studies[chosen].ask() for studies in (here, there, here)]
    objective = Objective(chosen, tuning.plan, tuning.runner, there, LocalExecutor(1))
    with pytest.raises(BudgetSpentError):
        objective(begun[2])
    assert all(objective(trial) > 0 for trial in begun[:2])
    assert len(trainings.done) == 2


def test_processes_that_come_at_once_make_one_storage_and_never_get_the_same_trial(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"

    def work(_: int) -> list[int]:
        storage = open_storage(url)
        with quiet():
            study = optuna.create_study(study_name="a", storage=storage, load_if_exists=True)
        study.enqueue_trial({})
        return [study.ask().number for _ in range(10)]

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with pytest.warns(UserWarning, match="Heartbeat"), ThreadPoolExecutor(4) as pool:
        numbers = [number for got in pool.map(work, range(4)) for number in got]
    assert sorted(numbers) == list(range(40))


def test_runs_in_processes_share_one_budget(shops: Path, settings: TuneSettings) -> None:
    found = tune(replace(settings, models=("itemknn",), trials=4, data_root=shops, jobs=2))["models"]["itemknn"]
    assert (found["finished"], found["failed"]) == (4, 0)
    assert sum("first" in trial for trial in found["trials"]) == 1
    assert len({trial["options"] for trial in found["trials"]}) == 4


def test_a_trial_whose_run_is_lost_is_done_by_the_next_command(settings: TuneSettings, trainings: Trainings) -> None:
    def kill(done: RunSettings, number: int) -> None:
        if number == 1:
            raise LostRunError("its process ended with code -9")

    trainings.fail = kill
    with pytest.raises(TrainingError, match="1 of 1 models could not be run; freedom: its process ended with code -9"):
        tune(settings)
    assert tune(settings)["models"]["freedom"]["finished"] == 2


# --- trials that do not end as they should


def test_a_trial_that_falls_behind_is_pruned(settings: TuneSettings, trainings: Trainings) -> None:
    def found(count: int, curve: dict[int, float], *, prune: bool = True) -> dict[str, Any]:
        trainings.curve = lambda done: curve
        return tune(replace(settings, trials=count, prune=prune))["models"]["freedom"]

    found(4, {29: 0.2, 30: 0.5, 31: 0.5})
    assert found(5, {29: 0.9, 30: 0.1, 31: 0.1})["pruned"] == 0, "the best epoch counts, not the last"
    last = found(6, {29: 0.1, 30: 0.1, 31: 0.1})["trials"][-1]
    assert (last["state"], last["epochs"], last["value"]) == ("pruned", 30, None)
    assert found(7, {29: 0.1, 30: 0.1, 31: 0.1}, prune=False)["pruned"] == 1


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.filterwarnings("error:The reported value is ignored")
def test_a_trial_that_goes_on_is_judged_by_all_its_epochs(
    settings: TuneSettings, trainings: Trainings, killed: bool
) -> None:
    trainings.curve = lambda _: dict.fromkeys(range(30, 71), 0.12)
    tune(replace(settings, trials=4))
    settings = replace(settings, trials=5)
    curve = {epoch: 0.125 if epoch <= 60 else 0.1 for epoch in range(30, 71)}
    before, after = ({e: x for e, x in curve.items() if part(e)} for part in (lambda e: e <= 65, lambda e: e >= 65))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    if killed:
        tuning = prepare(settings)
        study = tuning.open()[tuning.contenders[0]]
        number = dying_trial(tuning.open(), tuning.contenders[0])
        trial = optuna.trial.Trial(study, study.get_trials()[number]._trial_id)
        for epoch, value in before.items():
            trial.report(value, epoch)
        with sqlite3.connect(settings.out / "tune-shop.db") as database:
            database.execute("UPDATE trial_heartbeats SET heartbeat = datetime('now', '-1 hour')")
    else:
        trainings.curve, trainings.fail = lambda _: before, stop
        with pytest.raises(KeyboardInterrupt):
            tune(settings)
    trainings.curve, trainings.fail = lambda _: after, lambda done, number: None  # epoch 65 had no checkpoint yet
    tune(settings)
    stopped, resumed = trials(settings)[-2:]
    assert stopped.state == TrialState.FAIL and stopped.params == resumed.params
    assert resumed.state == TrialState.COMPLETE, "as in one go: its best epoch is above the median"
    assert resumed.intermediate_values == curve


def test_the_folder_of_a_pruned_run_can_be_gone_on_with(shops: Path, tmp_path: Path) -> None:
    def arguments(name: str) -> list[str]:
        more = ["--model", "freedom", "--model.dim", "4", "--train.epochs", "3", "--train.batch-size", "64"]
        return ["--dataset", "shop", "--data-root", str(shops), "--out", str(tmp_path / name), *more]

    def prune(record: dict[str, Any]) -> None:
        if record["epoch"] == 2:
            raise optuna.TrialPruned

    with pytest.raises(optuna.TrialPruned):
        run(parse(arguments("pruned")), quiet=True, on_epoch=prune)
    assert RunFolder(tmp_path / "pruned").epochs == 1
    assert RunFolder(tmp_path / "pruned").read_metrics() is None
    seen: list[int] = []
    resumed = run(
        parse([*arguments("pruned"), "--resume"]), quiet=True, on_epoch=lambda record: seen.append(record["epoch"])
    )
    whole = run(parse(arguments("whole")), quiet=True)
    assert seen == [2, 3]
    assert all(resumed[key] == whole[key] for key in ("valid", "test", "branches"))


def test_a_run_that_diverges_spends_the_budget(
    settings: TuneSettings, trainings: Trainings, capsys: pytest.CaptureFixture[str]
) -> None:
    def diverge(done: RunSettings, number: int) -> None:
        if number == 2:
            raise TrainingError("the loss term 'fused' became nan")

    trainings.fail = diverge
    found = tune(replace(settings, trials=3))
    assert listed(found, "state") == ["complete", "diverged", "complete"]
    assert found["models"]["freedom"]["best"]["number"] != 1
    assert "freedom 2/3: diverged --train.lr" in capsys.readouterr().out


def test_a_model_that_cannot_be_run_stops_no_other_and_later_does_the_same_trial(
    settings: TuneSettings, trainings: Trainings, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(done: RunSettings, number: int) -> None:
        if done.model == "freedom":
            raise DataError("there are no pictures")

    trainings.fail = fail
    settings = replace(settings, models=("freedom", "lightgcn"))
    with pytest.raises(TrainingError, match="1 of 2 models could not be run; freedom: there are no pictures"):
        tune(settings)
    assert "freedom 0/2: failed (its defaults): there are no pictures" in capsys.readouterr().out
    found = json.loads((settings.out / "tune-shop.json").read_text())["models"]
    assert found["freedom"]["best"] is None and found["freedom"]["failed"] == 1
    assert found["lightgcn"]["finished"] == 2
    assert [arm.name for arm in read_plan(settings.out / "tuned-shop.yaml").arms] == ["lightgcn"]
    trainings.fail = lambda done, number: None
    assert listed(tune(settings), "options")[0] == ""


def test_trials_on_changed_data_are_refused(settings: TuneSettings, trainings: Trainings) -> None:
    tune(replace(settings, trials=1))
    trainings.data = "xyz"
    with pytest.raises(TrainingError, match=r"'shop' has changed since trial 0 .*abc then, xyz now.*another --storage"):
        tune(settings)


def test_a_trial_waits_for_its_twin(
    settings: TuneSettings, trainings: Trainings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuning = prepare(settings)
    studies, chosen = tuning.open(), tuning.contenders[0]
    number = dying_trial(studies, chosen)
    twin = studies[chosen].get_trials()[number]
    requeue(optuna.trial.Trial(studies[chosen], twin._trial_id))
    monkeypatch.setattr(LocalExecutor, "pause", lambda *_: studies[chosen].tell(number, 0.9))
    tune(settings)
    assert len(trainings.done) == 1 and studies[chosen].get_trials()[number].state == TrialState.COMPLETE


@pytest.mark.parametrize("told", [True, False])
def test_a_trial_that_has_not_told_its_options_yet_may_be_a_twin(
    settings: TuneSettings, trainings: Trainings, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    tuning = prepare(settings)
    studies, chosen = tuning.open(), tuning.contenders[0]
    with pytest.warns(UserWarning, match="Heartbeat"):
        first, second = studies[chosen].ask(), studies[chosen].ask()
    waited: list[float] = []

    def pause(_: LocalExecutor, seconds: float) -> None:
        assert not trainings.done
        waited.append(seconds)
        if told and len(waited) == 3:
            first.set_user_attr(OPTIONS, "others")

    monkeypatch.setattr(LocalExecutor, "pause", pause)
    assert Objective(chosen, tuning.plan, tuning.runner, studies, LocalExecutor(1))(second) > 0
    assert sum(waited) == (3 if told else GRACE_SECONDS), "one that was killed at once is not waited for for ever"


def test_a_trial_that_another_process_has_taken_over_is_left_to_it(
    settings: TuneSettings, trainings: Trainings, capsys: pytest.CaptureFixture[str]
) -> None:
    def sleep(done: RunSettings, number: int) -> None:
        if number == 1:
            tuning = prepare(settings)
            tuning.open()[tuning.contenders[0]].tell(0, state=TrialState.FAIL)

    trainings.fail = sleep
    found = tune(settings)
    assert "freedom: another process has taken over a trial" in capsys.readouterr().out
    assert found["models"]["freedom"]["finished"] == 2 and len(trainings.done) == 3


# --- messages


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "fredom"], "model 'fredom' is unknown; choose one of"),
        (["--models", "freedom", "freedom"], "name each one once"),
        (["--objective", "bprr"], "objective 'bprr' is unknown"),
        (["--trials", "0"], "trials is 0; it must be at least 1"),
        (["--jobs", "0"], "jobs is 0; it must be at least 1"),
        (["--common", "--seed 5"], "--common has --seed, which is an option of this command"),
        (["--common", "--loss.pool 0.5"], "loss.pool"),
        (["--storage", "nonsense"], "the storage nonsense cannot be used: .*; give --storage a URL"),
        (
            ["--storage", "postgresql+none://me:secret@host/name"],
            "the storage postgresql.none://me:\\*\\*\\*@host/name cannot",
        ),
        (["--storage", "sqlite:////no/such/folder/a.db"], "cannot be used: .*unable to open"),
        (["--search", "none.yaml"], r"none\.yaml cannot be read: .*; give another --search"),
    ],
)
def test_wrong_options_are_one_message(
    arguments: list[str], message: str, refuse: Refuse, tmp_path: Path, trainings: Trainings
) -> None:
    assert re.search(message, refuse(command, ["--out", str(tmp_path), *arguments]))
    assert not trainings.done


def test_published_options_that_cannot_be_read_are_named(
    settings: TuneSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "freedom.yaml").write_text("shop: --train.lr 1")
    monkeypatch.setattr(contender_module, "PUBLISHED", tmp_path)
    with pytest.raises(ConfigError, match=r"freedom\.yaml must hold `options` by data set"):
        tune(settings)
