"""The command as a person starts it; the runs of one process are in tests/experiments/test_run.py."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from brmrs_graph.errors import BusyError
from experiments.export import command as export
from experiments.run import run
from experiments.runfolder import RunFolder
from experiments.settings import parse

pytestmark = pytest.mark.slow  # every start of a rank imports torch anew

OPTIONS = ["--train.epochs", "4", "--model.dim", "16", "--train.batch-size", "4096"]


def torchrun(ranks: int, *arguments: str) -> subprocess.Popen[str]:
    words = ["-m", "torch.distributed.run", "--nproc-per-node", str(ranks), "-m", "experiments.run", *arguments]
    return subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )


def ranks_of(job: subprocess.Popen[str]) -> list[int]:
    children = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()
    return [int(child) for child in children if "experiments.run" in Path(f"/proc/{child}/cmdline").read_text()]


def test_a_run_loses_a_rank_and_goes_on_with_another_number_of_ranks(tmp_path: Path) -> None:
    out = tmp_path / "ranks"
    job = torchrun(3, *OPTIONS, "--out", str(out))
    log = out / "log.jsonl"
    while not (out / "checkpoint" / "epoch-1").exists():
        assert job.poll() is None, job.communicate()
        time.sleep(0.05)
    with pytest.raises(BusyError):
        RunFolder(out).held().__enter__()
    os.kill(ranks_of(job)[-1], signal.SIGKILL)
    _, errors = job.communicate(timeout=300)
    assert job.returncode != 0
    assert errors.count("Traceback") == 1  # that of torchrun itself
    assert not (out / "metrics.json").exists() and len(log.read_text().splitlines()) < 4

    job = torchrun(2, *OPTIONS, "--out", str(out), "--resume")
    printed, errors = job.communicate(timeout=300)
    assert job.returncode == 0, errors
    assert printed.count("data set boutique") == 1 and "going on after epoch" in printed

    plain: dict[str, Any] = run(parse([*OPTIONS, "--out", str(tmp_path / "plain")]), quiet=True)
    found = json.loads((out / "metrics.json").read_text())
    assert found["training"]["ranks"] == 2 and found["training"]["parameters"] == plain["training"]["parameters"]
    assert found.keys() == plain.keys()
    for split in ("valid", "test"):
        assert found[split] == pytest.approx(plain[split], rel=0.05)
    records, expected = (
        [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        for folder in (out, tmp_path / "plain")
    )
    assert [record["epoch"] for record in records] == [1, 2, 3, 4]
    for record, other in zip(records, expected, strict=True):
        assert record["loss"]["fused"] == pytest.approx(other["loss"]["fused"], rel=1e-3)

    ours, theirs = (RunFolder(folder).read_branches() for folder in (out, tmp_path / "plain"))
    assert ours.names == theirs.names
    torch.testing.assert_close(ours.users(), theirs.users(), rtol=0.05, atol=5e-3)
    export(["--run", str(out), "--out", str(tmp_path / "lists")])
    assert any((tmp_path / "lists").iterdir())

    job = torchrun(3, *OPTIONS, "--train.epochs", "6", "--out", str(out), "--resume")
    printed, errors = job.communicate(timeout=300)
    assert job.returncode == 0, errors
    assert "going on after epoch 4" in printed and len(log.read_text().splitlines()) == 6
    best = json.loads((out / "metrics.json").read_text())["training"]["best_epoch"]
    assert [path.name for path in (out / "checkpoint").glob("*.safetensors")] == [f"best-{best}.safetensors"]


def test_a_folder_that_another_process_trains_in_is_refused_once(tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run").held():
        job = torchrun(2, *OPTIONS, "--out", str(tmp_path / "run"))
        printed, errors = job.communicate(timeout=300)
    assert job.returncode != 0 and not printed
    assert errors.count(f"error: another process works in {tmp_path}/run; run this again when it is done") == 1


def test_an_error_is_printed_once_and_nothing_is_left(tmp_path: Path) -> None:
    job = torchrun(2, "--model", "freedom", "--out", str(tmp_path / "run"))
    printed, errors = job.communicate(timeout=300)
    assert job.returncode != 0 and not printed and not (tmp_path / "run").exists()
    assert errors.count("error: model 'freedom' cannot be trained on several ranks; choose brmrs or lightgcn") == 1
