import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.evaluation import summarize
from brmrs_graph.models import model_names
from brmrs_graph.serving import read_item_paths
from brmrs_graph.training import PRESETS, Objective
from brmrs_graph.training.checkpoint import load_tensors
from experiments import cli
from experiments import run as run_module
from experiments.catalog import load
from experiments.run import command, run
from experiments.runfolder import RunFolder
from experiments.settings import from_yaml, parse, to_dict

Refuse = Callable[[Callable[[Sequence[str]], None], Sequence[str]], str]

REPOSITORY = Path(__file__).parents[2]
SHORT = ("--train.epochs", "3", "--train.batch-size", "64", "--model.dim", "4")
RANDOM = (*SHORT, "--objective", "chns-hybrid", "--loss.neighbors", "5", "--model.edge-keep", "0.7", "--model.k", "4")
"""Options that use every source of randomness in training."""


def shop(shops: Path, out: Path, *more: str) -> list[str]:
    return ["--dataset", "shop", "--data-root", str(shops), "--out", str(out), *more]


def log_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def losses(folder: Path) -> list[dict[str, Any]]:
    return [{key: record[key] for key in ("epoch", "loss", "valid")} for record in log_of(folder)]


RESULTS = ("valid", "test", "branches", "diagnosis")


def results(metrics: dict[str, Any]) -> dict[str, Any]:
    return {key: metrics[key] for key in RESULTS}


# --- what a run writes


@pytest.fixture(scope="module")
def boutique(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "boutique"
    small = ("--feature-dim", "16", "--train.epochs", "2", "--train.batch-size", "8192", "--model.dim", "4")
    run(parse(["--out", str(out), "--seed", "7", *small]), quiet=True)
    return out


@pytest.fixture(scope="module")
def boutique_data() -> MultimodalDataset:
    return load("boutique")


def test_a_run_on_the_built_in_data_writes_a_whole_run_folder(boutique: Path, boutique_data: MultimodalDataset) -> None:
    metrics = json.loads((boutique / "metrics.json").read_text())
    files = {str(path.relative_to(boutique)) for path in boutique.rglob("*") if path.is_file()}
    assert files == {
        "config.yaml",
        "log.jsonl",
        "metrics.json",
        "embeddings.safetensors",
        "item_paths.safetensors",
        "rankings.safetensors",
        "users.parquet",
        "items.parquet",
        "checkpoint/last.safetensors",
        f"checkpoint/best-{metrics['training']['best_epoch']}.safetensors",
    }
    paths = read_item_paths(boutique)
    assert (
        paths is not None and paths.graph.shape == (1200, 1200) and list(paths.items) == ["visual", "textual", "fused"]
    )
    assert (metrics["dataset"], metrics["model"], metrics["objective"], metrics["seed"]) == (
        "boutique",
        "brmrs",
        "default",
        7,
    )
    for branch in (metrics["valid"], metrics["test"], *metrics["branches"]["test"].values()):
        assert set(branch) == {"recall@10", "recall@20", "ndcg@10", "ndcg@20"}
        assert all(0 <= value <= 1 for value in branch.values())
    assert metrics["branches"].keys() == {"valid", "test"}
    assert metrics["branches"]["test"].keys() == {"visual", "textual"}
    assert metrics["diagnosis"]["order"] == ["visual", "textual", "fused"]
    assert metrics["training"]["epochs"] == 2 and metrics["training"]["best_epoch"] in (1, 2)
    assert metrics["data"]["counts"] == boutique_data.counts()
    assert metrics["data"]["hash"] == boutique_data.content_hash, "of the data as they are read, before any rotation"
    assert metrics["data"]["synthetic"] is True
    assert any("rotated from 1280 to 16" in note for note in metrics["data"]["notes"])
    assert {"python", "torch", "torch-geometric", "torch-scatter"} <= metrics["versions"].keys()
    assert re.fullmatch(r"\d+\.\d+\.\d+\+[0-9a-f]{12}", metrics["versions"]["brmrs-graph"])
    assert metrics["settings"] == to_dict(from_yaml(boutique / "config.yaml"))


def test_the_log_has_one_record_an_epoch_and_the_best_one_is_the_reported_one(boutique: Path) -> None:
    records, metrics = log_of(boutique), json.loads((boutique / "metrics.json").read_text())
    assert [record["epoch"] for record in records] == [1, 2]
    assert all({"fused", "branch", "decay"} <= record["loss"].keys() for record in records)
    best = max(records, key=lambda record: record["valid"]["recall@20"])
    assert best["epoch"] == metrics["training"]["best_epoch"]
    assert best["valid"] == metrics["valid"]


def test_dot_products_of_the_embeddings_give_the_recorded_metrics(
    boutique: Path, boutique_data: MultimodalDataset
) -> None:
    tensors, state = load_tensors(boutique / "embeddings.safetensors")
    assert state["modalities"] == ["visual", "textual"]
    metrics = json.loads((boutique / "metrics.json").read_text())
    discount = 1 / np.log2(np.arange(2, 22))
    for branch in ("fused", "visual", "textual"):
        scores = (tensors[f"{branch}.users"] @ tensors[f"{branch}.items"].T).numpy()
        scores[boutique_data.train.nonzero()] = -np.inf
        top = np.argsort(-scores, axis=1, kind="stable")[:, :20]
        for split in ("valid", "test"):
            truth = boutique_data.split(split).toarray()
            users = np.flatnonzero(truth.any(axis=1))
            hits = np.take_along_axis(truth, top, axis=1)[users]
            held = truth[users].sum(axis=1).astype(int)
            ideal = np.cumsum(discount)[np.minimum(held, 20) - 1]
            recorded = metrics[split] if branch == "fused" else metrics["branches"][split][branch]
            # Another way to sum may swap two items of all but equal scores: for one user in 2,500, not for more.
            assert recorded["recall@20"] == pytest.approx((hits.sum(axis=1) / held).mean(), abs=5e-4)
            assert recorded["ndcg@20"] == pytest.approx((hits @ discount / ideal).mean(), abs=5e-4)


def test_the_rankings_that_are_kept_give_the_recorded_metrics(boutique: Path) -> None:
    folder = RunFolder(boutique)
    metrics = folder.read_metrics()
    assert metrics is not None
    for split in ("valid", "test"):
        assert summarize(folder.read_ranking(split, "fused")) == metrics[split]
        for branch in ("visual", "textual"):
            assert summarize(folder.read_ranking(split, branch)) == metrics["branches"][split][branch]


def test_the_table_and_the_place_of_the_folder_are_printed(
    shops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(command, shop(shops, tmp_path / "out", *SHORT)) == 0
    shown = capsys.readouterr().out
    for part in ("objective default:", "40 users, 30 items", "content hash", "recall@20", "visual", "textual"):
        assert part in shown
    assert f"run folder: {tmp_path / 'out'}" in shown and "with other options" not in shown


def test_what_differs_from_the_objective_is_printed(
    shops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = shop(shops, tmp_path / "out", *SHORT, "--objective", "dns", "--loss.pool", "8")
    assert cli.main(command, asked) == 0
    assert "  with other options: pool 8\n" in capsys.readouterr().out


def test_a_quiet_run_prints_nothing(shops: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(parse(shop(shops, tmp_path / "out", *SHORT)), quiet=True)
    assert capfd.readouterr() == ("", "")


def test_the_same_seed_gives_the_same_numbers_and_another_one_others(shops: Path, tmp_path: Path) -> None:
    made = [
        run(parse(shop(shops, tmp_path / name, *RANDOM, "--seed", seed)), quiet=True)
        for name, seed in (("a", "1"), ("b", "1"), ("c", "2"))
    ]
    assert results(made[0]) == results(made[1])
    assert losses(tmp_path / "a") == losses(tmp_path / "b")
    assert losses(tmp_path / "a") != losses(tmp_path / "c")


@pytest.mark.parametrize("model", ["mostpop", "bprmf", "lightgcn"])
def test_models_without_content_run_without_features_and_their_diagnosis_is_not_measured(
    shops: Path, tmp_path: Path, model: str
) -> None:
    arguments = ["--dataset", "bare", "--data-root", str(shops), "--out", str(tmp_path), "--model", model]
    metrics = run(parse([*arguments, "--train.epochs", "2"]), quiet=True)
    assert metrics["diagnosis"].startswith("not measured")
    assert metrics["branches"] == {"valid": {}, "test": {}}
    assert metrics["test"]["recall@20"] > 0


# --- interruption


class Interrupt:
    """Raises KeyboardInterrupt at the n-th call of a method, before or after the call."""

    def __init__(self, owner: type, name: str, call: int, *, after: bool = False) -> None:
        self.owner, self.name, self.call, self.after = owner, name, call, after

    def set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        calls, method = 0, getattr(self.owner, self.name)

        def interrupting(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == self.call and not self.after:
                raise KeyboardInterrupt
            value = method(*args, **kwargs)
            if calls == self.call:
                raise KeyboardInterrupt
            return value

        monkeypatch.setattr(self.owner, self.name, interrupting)


@pytest.mark.parametrize(
    ("interrupt", "kept"),
    [
        pytest.param(Interrupt(Objective, "__call__", 2), 0, id="in the first epoch"),
        pytest.param(Interrupt(Objective, "__call__", 6), 1, id="in the second epoch"),
        pytest.param(Interrupt(RunFolder, "log", 2), 1, id="before a record"),
        pytest.param(Interrupt(RunFolder, "log", 2, after=True), 1, id="between record and checkpoint"),
        pytest.param(Interrupt(RunFolder, "write_embeddings", 1), 3, id="after training"),
    ],
)
def test_a_run_that_was_stopped_and_resumed_equals_one_that_was_not(
    shops: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    interrupt: Interrupt,
    kept: int,
) -> None:
    whole = run(parse(shop(shops, tmp_path / "whole", *RANDOM)), quiet=True)
    arguments = shop(shops, tmp_path / "out", *RANDOM)
    with monkeypatch.context() as patch:
        interrupt.set(patch)
        assert cli.main(command, arguments) == 130
    stopped = capsys.readouterr().err
    assert "stopped" in stopped and "Traceback" not in stopped
    if kept < 3:
        assert f"{kept} epochs are kept in {tmp_path / 'out'}" in stopped and "--resume" in stopped
    assert not (tmp_path / "out" / "metrics.json").exists()

    assert cli.main(command, [*arguments, "--resume"]) == 0
    assert f"going on after epoch {kept}" in capsys.readouterr().out
    resumed = RunFolder(tmp_path / "out").read_metrics()
    assert resumed is not None
    assert results(resumed) == results(whole)
    assert resumed["training"]["epochs"] == 3
    assert losses(tmp_path / "out") == losses(tmp_path / "whole")
    for name in ("embeddings", "rankings"):
        file = f"{name}.safetensors"
        assert (tmp_path / "out" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_control_c_ends_the_process_with_130_and_one_line(shops: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    endless = ("--train.epochs", "1000000", "--train.patience", "1000000", "--model.dim", "4")
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments.run", *shop(shops, out, *endless)],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    try:
        deadline = time.monotonic() + 60
        while not (out / "checkpoint" / "last.safetensors").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert "Traceback" not in error
    last = error.splitlines()[-1]
    assert last.startswith("stopped. ") and f"epochs are kept in {out}" in last
    assert len(log_of(out)) >= 1


def test_resuming_a_finished_run_prints_its_table_without_reading_the_data(
    shops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = shop(shops, tmp_path, *SHORT)
    run(parse(arguments), quiet=True)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.setattr(run_module, "load_for", None)
    assert cli.main(command, [*arguments, "--resume"]) == 0
    shown = capsys.readouterr().out
    assert f"{tmp_path} is finished already" in shown and "recall@20" in shown
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files


def stopped_run(arguments: Sequence[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        Interrupt(RunFolder, "log", 2).set(patch)
        assert cli.main(command, arguments) == 130


def test_resuming_with_other_settings_names_what_differs(
    shops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], refuse: Refuse
) -> None:
    arguments = shop(shops, tmp_path, *SHORT)
    stopped_run(arguments)
    capsys.readouterr()
    error = refuse(command, [*arguments, "--resume", "--model.dim", "8", "--seed", "5", "--threads", "1"])
    assert "options.dim (4 there, 8 now)" in error and "seed (999 there, 5 now)" in error
    assert "threads" not in error and "--out" in error


def test_resuming_on_data_that_have_changed_is_refused(
    shops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], refuse: Refuse
) -> None:
    root = tmp_path / "data"
    (root / "shop").mkdir(parents=True)
    for file in (shops / "shop").iterdir():
        (root / "shop" / file.name).write_bytes(file.read_bytes())
    arguments = shop(root, tmp_path / "out", *SHORT)
    stopped_run(arguments)
    capsys.readouterr()
    x = np.load(root / "shop" / "text_feat.npy")
    np.save(root / "shop" / "text_feat.npy", x + 1)
    error = refuse(command, [*arguments, "--resume"])
    assert "'shop' has changed" in error and str(tmp_path / "out") in error


def test_a_truncated_checkpoint_is_named_on_resume(
    shops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], refuse: Refuse
) -> None:
    arguments = shop(shops, tmp_path, *SHORT)
    stopped_run(arguments)
    capsys.readouterr()
    last = tmp_path / "checkpoint" / "last.safetensors"
    last.write_bytes(last.read_bytes()[:-20])
    assert f"{last} is truncated" in refuse(command, [*arguments, "--resume"])


# --- what is refused


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[Path]:
    """A run folder that must not be made, since the run is refused."""
    yield tmp_path / "out"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--dataset", "nowhere"), ("'nowhere'", "{shops}/nowhere/nowhere.inter", "experiments.prepare", "boutique")),
        (("--dataset", "bare"), ("'brmrs' needs item features", "image_feat.npy", "--model lightgcn", "boutique")),
        (("--epochs", "3"), ("Unrecognized", "--epochs")),
        (("--model.dims", "3"), ("Unrecognized", "--model.dims")),
        (("--train.epochs", "many"), ("--train.epochs", "many")),
        (("--loss.chns-form", "knn"), ("--loss.chns-form", "knn")),
        (("--model",), ("--model", "python -m experiments.run")),
        (("--model", "brmf"), ("model 'brmf' is unknown", "bprmf, brmrs")),
        (("--objective", "chns"), ("objective 'chns' is unknown", "chns-graph")),
        (("--train.epochs", "0"), ("train.epochs is 0", "at least 1")),
        (("--train.lr", "-1"), ("train.lr", "above 0")),
        (("--loss.branch", "-1"), ("loss.branch is -1.0", "negative")),
        (("--feature-dim", "0"), ("feature-dim is 0", "at least 1")),
        (("--seed", "-1"), ("seed is -1",)),
        (("--seed", str(2**70)), (f"seed is {2**70}",)),
        (("--threads", "-1"), ("threads is -1",)),
        (("--device", "abacus"), ("device 'abacus'", "cpu")),
        (("--model.k", "5000"), ("k=5000", "30 items", "1 and 29")),
        (("--objective", "chns-graph"), ("loss.neighbors is 50", "30 items")),
        (("--model.modalities", "audio"), ("'shop' has no modality audio", "visual, textual")),
        (("--model.fusion", "sum"), ("fusion 'sum' is unknown", "concat")),
        (("--resume",), ("no run to resume", "{out}/config.yaml", "without --resume")),
    ],
)
def test_bad_options_end_with_one_message_and_make_no_folder(
    shops: Path, untouched: Path, refuse: Refuse, options: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    error = refuse(command, shop(shops, untouched, *options))
    for part in parts:
        assert part.format(shops=shops, out=untouched) in error


@pytest.mark.usefixtures("encoders")
def test_a_picture_that_cannot_be_read_ends_the_run_with_its_name(
    shops: Path, tmp_path: Path, untouched: Path, refuse: Refuse
) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "bare.inter").write_bytes((shops / "bare" / "bare.inter").read_bytes())
    (tmp_path / "bare" / "images").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "bare" / "images" / "0.png")
    (tmp_path / "bare" / "images" / "1.png").write_bytes(b"half a picture")
    error = refuse(command, ["--dataset", "bare", "--data-root", str(tmp_path), "--out", str(untouched)])
    assert str(tmp_path / "bare" / "images" / "1.png") in error and "Replace it" in error


def test_data_without_validation_pairs_are_refused(tmp_path: Path, untouched: Path, refuse: Refuse) -> None:
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "flat.inter").write_text("userID\titemID\tx_label\n0\t0\t0\n0\t1\t2\n")
    arguments = ["--dataset", "flat", "--data-root", str(tmp_path), "--model", "lightgcn", "--out", str(untouched)]
    error = refuse(command, arguments)
    assert "no valid interactions" in error and "flat.inter" in error and "x_label" in error


def test_an_out_that_holds_a_run_is_refused_before_the_data_are_read(
    shops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuse: Refuse
) -> None:
    run(parse(shop(shops, tmp_path, *SHORT)), quiet=True)
    monkeypatch.setattr(run_module, "load_for", None)
    error = refuse(command, shop(shops, tmp_path, *SHORT))
    assert f"{tmp_path} holds a run already" in error and "--resume" in error and "another --out" in error


def test_an_out_that_another_process_trains_in_is_refused(
    shops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], refuse: Refuse
) -> None:
    arguments = shop(shops, tmp_path, *SHORT)
    stopped_run(arguments)
    capsys.readouterr()
    files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with RunFolder(tmp_path).held():
        for more in ([], ["--resume"]):
            message = f"another process works in {tmp_path}; run this again when it is done"
            assert message in refuse(command, [*arguments, *more])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files


def test_an_out_that_is_a_file_is_refused_by_its_name(shops: Path, tmp_path: Path, refuse: Refuse) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert str(tmp_path / "file") in refuse(command, shop(shops, out, *SHORT))


def test_a_loss_that_becomes_nan_ends_with_1_and_names_the_term(
    shops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(command, shop(shops, tmp_path, *SHORT, "--train.lr", "1e30")) == 1
    error = capsys.readouterr().err
    assert "error: the loss term '" in error and "train.lr" in error


def test_bad_input_ends_the_process_with_2_and_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "experiments.run", "--dataset", "nowhere", "--data-root", str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: data set 'nowhere' is not there") and done.stderr.count("\n") == 1


def test_help_lists_every_objective_model_and_option_part(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        command(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    for name, (what, _) in PRESETS.items():
        assert f"  {name}: {what.split(' ')[0]}" in shown
    for part in (
        *model_names(),
        "--train.epochs",
        "--loss.chns",
        "--model.fusion",
        "--resume",
    ):
        assert part in shown


def test_help_shows_the_options_of_the_chosen_model_and_objective(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command(["--model", "lightgcn", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "--model.dim" in shown and "--model.fusion" not in shown
    assert "(default: bpr)" in shown
