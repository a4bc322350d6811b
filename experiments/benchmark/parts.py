"""The parts of the benchmark by name."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from experiments.benchmark import evaluation, gpu, growth, knn, propagation, recommend, sampling, step, training
from experiments.benchmark.context import Context
from experiments.benchmark.settings import Part

PARTS: Mapping[Part, Callable[[Context], dict[str, Any]]] = {
    "step": step.measure,
    "propagation": propagation.measure,
    "knn": knn.measure,
    "sampling": sampling.measure,
    "evaluation": evaluation.measure,
    "recommend": recommend.measure,
    "gpu": gpu.measure,
    "training": training.measure,
    "growth": growth.measure,
}
"""Name -> what measures it and returns its figures: a ``title``, and

* ``comparisons``: what is compared -> times and ratios, see :func:`~experiments.benchmark.timing.compared`; and
  ``facts``: label -> number, spread or None; or
* ``rows``: a table by model or size, of data of their own.

Part ``gpu`` names its ``gpu``, too.
"""


def measure(part: Part, context: Context) -> dict[str, Any]:
    """The figures of a part, with the seconds that it took and the share of its threads' time that was its own.

    A single thread that computes on a quiet machine has nearly all of it; what lacks is waiting for other processes.
    Several threads have less, since not all of the work is parallel.
    """
    start, spent = time.perf_counter(), _processor_seconds()
    figures = PARTS[part](context)
    seconds = time.perf_counter() - start
    share = (_processor_seconds() - spent) / seconds / context.settings.threads
    data = {} if "rows" in figures else {"interactions": context.interactions, "data": context.data.counts()}
    return figures | data | {"seconds": seconds, "processor_share": share}


def _processor_seconds() -> float:
    """What this process and those that it started and that have ended spent."""
    return sum(os.times()[:4])
