from collections.abc import Iterator

import numpy as np
import pytest

from experiments.benchmark.timing import compared, in_turn, rounds, spread, staged


class Clock:
    """A clock that goes on only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def test_each_stage_has_the_time_that_passed_before_its_name() -> None:
    clock = Clock()

    def one_round() -> Iterator[str]:
        clock.pass_by(1)
        yield "a"
        clock.pass_by(2)
        yield "b"

    times = rounds(one_round, repeats=3, budget=1000, clock=clock)
    assert times["a"].tolist() == [1, 1, 1]
    assert times["b"].tolist() == [2, 2, 2]


def test_the_first_round_warms_up() -> None:
    clock, first = Clock(), iter([100.0, 1, 2])
    times = rounds(in_turn({"x": lambda: clock.pass_by(next(first))}), repeats=2, budget=1000, clock=clock)
    assert times["x"].tolist() == [1, 2]


def test_a_budget_that_is_spent_leaves_three_rounds_and_no_warm_up() -> None:
    calls = []
    times = rounds(in_turn({"x": lambda: calls.append(1)}), repeats=10, budget=0)
    assert times["x"].size == len(calls) == 3


def test_variants_take_turns() -> None:
    order = []
    rounds(in_turn({"x": lambda: order.append("x"), "y": lambda: order.append("y")}), repeats=2, budget=1000)
    assert order == ["x", "y"] * 3


def test_ratios_are_made_within_rounds() -> None:
    times = {"ours": np.array([1.0, 2, 4]), "other": np.array([3.0, 4, 12])}
    result = compared(times, "ours", {"third": "not installed"})
    assert result["ratios"] == {"other": spread(np.array([3.0, 2, 3]))}
    assert result["ratios"]["other"]["median"] == 3
    assert result["seconds"]["third"] == "not installed"
    assert result["seconds"]["ours"] == {"median": 2, "low": 1.5, "high": 3, "rounds": 3}


def test_stages_have_no_ratios() -> None:
    assert staged({"a": np.ones(2)}) == {"reference": None, "seconds": {"a": spread(np.ones(2))}, "ratios": {}}


def test_an_error_in_a_variant_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        rounds(in_turn({"x": lambda: 1 / 0}), repeats=1, budget=0)
