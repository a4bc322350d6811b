import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from brmrs_graph import lock
from brmrs_graph.errors import BusyError
from brmrs_graph.lock import locked

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="locks are those of POSIX systems")


def hold(folder: Path, taken: Event) -> None:
    with locked(folder):
        taken.set()
        signal.pause()


def test_whoever_comes_second_is_told_at_once_and_a_kill_frees_the_folder(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    taken = fork.Event()
    first = fork.Process(target=hold, args=(tmp_path / "f", taken))
    first.start()
    assert taken.wait(60)
    with pytest.raises(BusyError, match=r"another process works in .*/f; run this again when it is done"):
        locked(tmp_path / "f").__enter__()
    first.kill()
    first.join()
    with locked(tmp_path / "f"):
        pass
    assert list((tmp_path / "f").iterdir()) == [], "no file stays that could be out of date"


@pytest.mark.parametrize("removed", [False, True])
def test_whoever_waits_has_the_folder_next(tmp_path: Path, removed: bool) -> None:
    folder, order = tmp_path / "f", []
    noticed = threading.Event()

    def second() -> None:
        with locked(folder, noticed.set):
            order.append("second")
            with pytest.raises(BusyError), locked(folder):
                pass

    with ThreadPoolExecutor(1) as pool:
        with locked(folder):
            waiting = pool.submit(second)
            assert noticed.wait(60)
            order.append("first")
            if removed:
                folder.rmdir()
        waiting.result(60)
    assert order == ["first", "second"] and folder.is_dir()


def test_a_folder_that_was_removed_while_it_was_taken_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold, opened = lock._hold, []

    def late(folder: Path, on_wait: Callable[[], object] | None) -> int:
        opened.append(hold(folder, on_wait))
        if len(opened) == 1:  # the one before has just finished
            folder.rmdir()
        return opened[-1]

    monkeypatch.setattr(lock, "_hold", late)
    with locked(tmp_path / "f"), pytest.raises(BusyError, match="another process"), locked(tmp_path / "f"):
        pass
    assert len(opened) == 2 and (tmp_path / "f").is_dir()
