from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest
import scipy.sparse as sp

from experiments.benchmark import growth
from experiments.benchmark.context import Context
from experiments.benchmark.settings import BenchSettings
from experiments.benchmark.sizes import SIZES, Size

SMALL = Size("100k", 300, 100, 1500)
SETTINGS = BenchSettings(sizes=("100k",))


class Inline:
    """Stands for a pool of processes: does the work here."""

    def __init__(self, *_: object, **__: object) -> None: ...
    def __enter__(self) -> "Inline":
        return self

    def __exit__(self, *_: object) -> None: ...
    def submit(self, call: Callable[..., object], *arguments: object) -> "Future[object]":
        future: Future[object] = Future()
        future.set_result(call(*arguments))
        return future


class Killed(Inline):
    def submit(self, *_: object) -> "Future[object]":
        raise BrokenProcessPool


@pytest.mark.parametrize(
    "pool", [Inline, pytest.param(growth.ProcessPoolExecutor, marks=pytest.mark.slow)], ids=["inline", "process"]
)
def test_times_and_peaks_of_a_size(pool: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "ProcessPoolExecutor", pool)
    monkeypatch.setitem(SIZES, "100k", SMALL)
    (row,) = growth.measure(Context(SETTINGS))["rows"].values()
    assert (row["users"], row["items"], row["pairs"]) == (300, 100, 1500)
    assert list(row["seconds"]) == ["interactions", "graphs and model", "first step", "step", "evaluation"]
    assert list(row["peak_gib"]) == list(row["seconds"])
    assert all(seconds > 0 for seconds in row["seconds"].values())


def test_a_process_that_is_killed_costs_its_own_row_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "ProcessPoolExecutor", Killed)
    row = growth.measure(Context(SETTINGS))["rows"]["100k"]
    assert row["pairs"] == 2_000_000
    assert "killed" in row["interactions"]
    assert "seconds" not in row


def test_some_users_keep_their_pairs() -> None:
    held_out = sp.csr_matrix(np.array([[1, 1], [0, 0], [0, 1], [1, 0]], dtype=np.float32))
    some = growth._some_users(held_out, 2)
    users = np.flatnonzero(np.diff(some.indptr))
    assert users.size == 2
    assert (some[users] != held_out[users]).nnz == 0
    assert growth._some_users(held_out, 9).nnz == held_out.nnz
