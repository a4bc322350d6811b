"""Part ``growth``: how time and memory grow with the size of the data."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch

from brmrs_graph.evaluation import only_users, rank
from experiments.benchmark.context import Context
from experiments.benchmark.memory import peak
from experiments.benchmark.settings import BenchSettings
from experiments.benchmark.sizes import SIZES, Size, data_of
from experiments.benchmark.stepping import Stepper
from experiments.cli import show_messages

DIMS = {"visual": 64, "textual": 64}
"""Dimensions of the features, at all sizes: with those of real encoders 500,000 items would not fit in memory."""

EVALUATED = 10_000
"""Users whose items are ranked."""

STEPS = 5
"""Steps timed after the first, whose median is given."""


def measure(context: Context) -> dict[str, Any]:
    """Times and peak memory of every size, each in a process of its own."""
    return {
        "title": f"growth: brmrs / {context.settings.objective}, 64-d random features, {EVALUATED:,} users evaluated",
        "rows": {name: _apart(SIZES[name], context.settings) for name in dict.fromkeys(context.settings.sizes)},
    }


def _apart(size: Size, settings: BenchSettings) -> dict[str, Any]:
    # A peak of memory belongs to a process, and what one size leaves behind must not help or burden the next.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(measure_size, size, settings).result()
        except BrokenProcessPool:
            return {**_counts(size), "interactions": "not measured: the process was killed, most likely for memory"}


def measure_size(size: Size, settings: BenchSettings) -> dict[str, Any]:
    """Makes the data, the model and its sampler of one size, does a few steps, and evaluates.

    Args:
        size: The size.
        settings: Options of the benchmark.

    Returns:
        What the size is, and ``seconds`` and ``peak_gib`` (highest resident memory; None where unknown) by stage.
    """
    show_messages()  # this is a process of its own
    torch.set_num_threads(settings.threads)
    seconds: dict[str, float] = {}
    highest: dict[str, float | None] = {}

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        with peak() as memory:
            start = settings.now()
            yield
            seconds[name] = settings.now() - start
        highest[name] = memory.highest

    with stage("interactions"):
        data, source = data_of(size, settings.data_root, DIMS)
    with stage("graphs and model"):
        stepper = Stepper(data, settings.objective)
    with stage("first step"):
        stepper.step()
    with stage("step"):
        each = []
        for _ in range(STEPS):
            start = settings.now()
            stepper.step()
            each.append(settings.now() - start)
    seconds["step"] = float(np.median(each))
    held_out = _some_users(data.valid, EVALUATED)
    with stage("evaluation"):
        rank(stepper.branches(), data.train, held_out)
    return {**_counts(size), "interactions": source, "seconds": seconds, "peak_gib": highest}


def _counts(size: Size) -> dict[str, int]:
    return {"users": size.users, "items": size.items, "pairs": size.pairs}


def _some_users(held_out: sp.csr_matrix, n: int) -> sp.csr_matrix:
    """Held-out pairs of n random users (of all, where there are fewer), the other rows empty."""
    users = np.flatnonzero(np.diff(held_out.indptr))
    return only_users(held_out, np.random.default_rng(0).permutation(users)[:n])
