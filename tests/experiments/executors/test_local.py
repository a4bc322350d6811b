import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brmrs_graph.errors import DataError
from experiments.executors.base import LostRunError
from experiments.executors.local import LocalExecutor
from experiments.runfolder import RunFolder


class BehindError(Exception):
    pass


def kill(_: dict[str, Any]) -> None:
    (process,) = multiprocessing.active_children()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def test_a_run_that_is_ended_in_any_way_is_gone_on_with(shops: Path, tmp_path: Path) -> None:
    def prune(_: dict[str, Any]) -> None:
        raise BehindError

    def stop(_: dict[str, Any]) -> None:
        executor.stop()

    arguments = ["--dataset", "shop", "--data-root", str(shops), "--out", str(tmp_path / "run"), "--threads", "1"]
    arguments += ["--model", "lightgcn", "--model.dim", "4", "--train.epochs", "3000"]
    ends: list[tuple[Callable[[dict[str, Any]], None], type[BaseException]]]
    ends = [(prune, BehindError), (kill, LostRunError), (stop, KeyboardInterrupt)]
    last = 0
    with LocalExecutor(1) as executor:
        for end, error in ends:
            seen: list[int] = []

            def watch(record: dict[str, Any], seen: list[int] = seen, end: Callable[..., None] = end) -> None:
                seen.append(record["epoch"])
                if len(seen) == 2:
                    end(record)

            with pytest.raises(error):
                executor.train(arguments, watch)
            assert last < seen[0] < seen[1]
            assert not multiprocessing.active_children()
            last = RunFolder(tmp_path / "run").epochs
        with pytest.raises(KeyboardInterrupt):
            executor.train(arguments)
    assert RunFolder(tmp_path / "run").epochs == last < 3000


def test_a_command_that_is_ended_ends_its_runs(shops: Path, tmp_path: Path) -> None:
    arguments = ["--dataset", "shop", "--data-root", str(shops), "--out", str(tmp_path / "run"), "--threads", "1"]
    arguments += ["--model", "lightgcn", "--model.dim", "4", "--train.epochs", "3000"]

    def end(record: dict[str, Any]) -> None:
        if record["epoch"] == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with LocalExecutor(1) as executor, pytest.raises(KeyboardInterrupt):
        list(executor.map(lambda _: executor.train(arguments, end), [0]))
    assert not multiprocessing.active_children()
    assert 0 < RunFolder(tmp_path / "run").epochs < 3000
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_error_of_a_run_comes_back(shops: Path, tmp_path: Path) -> None:
    arguments = ["--dataset", "none", "--data-root", str(shops), "--out", str(tmp_path / "run")]
    with LocalExecutor(1) as executor, pytest.raises(DataError, match="data set 'none' is not there"):
        executor.train(arguments)


def test_what_stops_one_thread_stops_all(tmp_path: Path) -> None:
    def do(number: int) -> None:
        if number:
            executor.pause(60)
        raise KeyboardInterrupt

    with LocalExecutor(2) as executor, pytest.raises(KeyboardInterrupt):
        list(executor.map(do, range(5)))
