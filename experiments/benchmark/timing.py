"""Interleaved rounds of timing, and what is said of them: medians and quartiles, of times and of their ratios."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEWEST = 3
"""Rounds that are made whatever they take."""

Clock = Callable[[], float]
"""Tells the seconds since some moment."""

Times = Mapping[str, NDArray[np.float64]]
"""Name -> seconds in each round."""


def rounds(
    one_round: Callable[[], Iterable[str]], repeats: int, budget: float, clock: Clock = time.perf_counter
) -> dict[str, NDArray[np.float64]]:
    """Times the stages of a round, over and over.

    The first round warms up and is left out, unless it took a third of the budget: what takes that long has no need of
    it.

    Args:
        one_round: Does one round; it yields the name of each stage when this is done.
        repeats: Rounds that count.
        budget: Seconds on the wall after which no more rounds begin, once there are :data:`FEWEST`.
        clock: What the stages are timed by.

    Returns:
        Name -> seconds in each round.
    """
    times: dict[str, list[float]] = {}
    begin = time.perf_counter()
    warm_up, done = 1, 0
    while done < repeats + warm_up:
        start = clock()
        for name in one_round():
            now = clock()
            times.setdefault(name, []).append(now - start)
            start = clock()
        done += 1
        spent = time.perf_counter() - begin
        if done == 1 and spent > budget / 3:
            warm_up = 0
        if spent > budget and done - warm_up >= FEWEST:
            break
    return {name: np.array(values[warm_up:]) for name, values in times.items()}


def in_turn(variants: Mapping[str, Callable[[], object]]) -> Callable[[], Iterator[str]]:
    """A round that calls every variant once."""

    def one_round() -> Iterator[str]:
        for name, call in variants.items():
            call()
            yield name

    return one_round


def spread(values: NDArray[np.float64]) -> dict[str, float]:
    """Median, quartiles and number of some values."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return {"median": float(median), "low": float(low), "high": float(high), "rounds": int(values.size)}


def compared(times: Times, reference: str, absent: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Times by variant, and their ratios to those of one of them.

    A ratio is made within each round, where all variants meet the same noise, and only then summed up.

    Args:
        times: Variant -> seconds in each round.
        reference: The variant that all others are divided by.
        absent: Variant -> why it was not measured.

    Returns:
        ``reference``; ``seconds``, by variant a :func:`spread` or the reason why there is none; and ``ratios``, of
        every other variant that was measured.
    """
    return {
        "reference": reference,
        "seconds": {name: spread(values) for name, values in times.items()} | dict(absent or {}),
        "ratios": {name: spread(x / times[reference]) for name, x in times.items() if name != reference},
    }


def staged(times: Times) -> dict[str, Any]:
    """Times of the stages of one thing, which follow each other and are no alternatives."""
    return {"reference": None, "seconds": {name: spread(values) for name, values in times.items()}, "ratios": {}}
