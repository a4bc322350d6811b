"""How estimates are read and written."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.diagnosis.report.numbers import (
    BITS,
    METRIC,
    NOT_MEASURED,
    PERCENT,
    POINTS,
    RATIO,
    Unit,
    entry_of,
    measured,
    modalities,
    order,
    sign,
)
from brmrs_graph.evaluation import Estimate
from tests.diagnosis.diagnoses import estimate


def around(low: float, high: float) -> Estimate:
    return Estimate((low + high) / 2, low, high, 10)


@pytest.mark.parametrize(
    ("unit", "x", "text"),
    [
        (PERCENT, 0.2345, "23.4\u00a0%"),
        (PERCENT, 0.00123, "0.12\u00a0%"),
        (PERCENT, 0.01, "1.0\u00a0%"),
        (PERCENT, 1.0, "100.0\u00a0%"),
        (PERCENT, 0.0, "0.00\u00a0%"),
        (POINTS, -0.0456, "\u22124.6 points"),
        (METRIC, 0.09657, "0.0966"),
        (BITS, 0.3416, "0.342 bits"),
        (RATIO, 1.064, "1.06"),
        (RATIO, -0.31, "\u22120.31"),
    ],
)
def test_values_are_written_with_their_unit(unit: Unit, x: float, text: str) -> None:
    assert unit.value(x) == text


def test_signs_are_written_on_demand_and_never_before_a_zero() -> None:
    assert POINTS.value(0.0123, signed=True) == "+1.2 points"
    assert POINTS.value(-0.0123, signed=True) == "\u22121.2 points"
    for unit in (POINTS, METRIC, RATIO, BITS):
        for tiny in (0.0, -0.0, 1e-9, -1e-9):
            assert unit.number(tiny, signed=True)[0] == unit.number(tiny)[0] == "0"


def test_an_interval_has_the_decimals_of_its_value() -> None:
    assert PERCENT.text(Estimate(0.0098, 0.0095, 0.0104, 5)) == "0.98\u00a0% [0.95, 1.04]"
    assert PERCENT.text(Estimate(0.0104, 0.0098, 0.011, 5)) == "1.0\u00a0% [1.0, 1.1]"
    assert METRIC.text(Estimate(-0.002, -0.003, 0.001, 5), signed=True) == "\u22120.0020 [\u22120.0030, +0.0010]"


def test_no_interval_is_written_where_there_is_none() -> None:
    assert RATIO.text(Estimate(0.5, math.nan, math.nan, 0)) == "0.50"
    assert RATIO.interval(Estimate(0.5, 0.2, math.nan, 3)) == ""
    assert RATIO.text(None) == NOT_MEASURED == "not measured"


@given(st.floats(-10, 10))
def test_what_is_written_is_the_value_rounded(x: float) -> None:
    for unit in (PERCENT, POINTS, METRIC, BITS, RATIO):
        text = unit.number(x)
        decimals = len(text.partition(".")[2])
        assert float(text.replace("\u2212", "-")) == pytest.approx(x * unit.scale, abs=0.51 * 10.0**-decimals)


PART: dict[str, Any] = {
    "measured": estimate(0.5, 0.4, 0.6, 7),
    "null": None,
    "no value": {"value": None, "low": None, "high": None, "count": 0},
    "infinite": estimate(math.inf, 0, 1),
    "without an end": estimate(0.5, None, 0.6),
    "zero": estimate(0, 0, 0, 3),
    "outer": {"inner": estimate(0.25, 0.2, 0.3)},
}


def test_an_estimate_is_found_at_its_path() -> None:
    assert measured(PART, "measured") == Estimate(0.5, 0.4, 0.6, 7)
    assert measured(PART, "outer", "inner") == Estimate(0.25, 0.2, 0.3, 1000)
    assert measured(PART, "zero") == Estimate(0.0, 0.0, 0.0, 3), "a measured zero is not the same as nothing measured"
    assert measured(PART["measured"]) == Estimate(0.5, 0.4, 0.6, 7)


@pytest.mark.parametrize(
    "path", [("null",), ("null", "deeper"), ("absent",), ("absent", "x"), ("no value",), ("infinite",)]
)
def test_what_was_not_measured_is_none(path: tuple[str, ...]) -> None:
    assert measured(PART, *path) is None
    assert measured(None, *path) is None


def test_a_missing_end_is_not_a_number_and_claims_nothing() -> None:
    x = measured(PART, "without an end")
    assert x is not None and math.isnan(x.low) and x.high == 0.6
    nothing = Estimate(5.0, math.nan, math.nan, 0)
    assert sign(nothing) == order(nothing, around(0, 1)) == order(around(0, 1), nothing) == 0


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.1, 0.3, 1), (-0.3, -0.1, -1), (-0.1, 0.1, 0), (0.0, 0.1, 0), (-0.1, 0.0, 0)]
)
def test_the_sign_of_a_difference_is_known_where_its_interval_excludes_zero(
    low: float, high: float, expected: int
) -> None:
    assert sign(around(low, high)) == expected


def test_values_are_in_order_where_their_intervals_do_not_overlap() -> None:
    assert order(around(0.3, 0.4), around(0.1, 0.2)) == 1
    assert order(around(0.1, 0.2), around(0.3, 0.4)) == -1
    assert order(around(0.1, 0.3), around(0.2, 0.4)) == 0
    assert order(around(0.1, 0.2), around(0.2, 0.3)) == 0, "intervals that touch leave it open"


def test_entries_and_modalities_of_models() -> None:
    model = {"name": "m", "modalities": ["b", "a"], "pairs": [{"x": "1", "y": "1"}, {"x": "1", "y": "2"}], "none": None}
    assert entry_of(model, "pairs", x="1", y="2") is model["pairs"][1]
    assert entry_of(model, "pairs", x="3") is None and entry_of(model, "none", x="1") is None
    assert entry_of(model, "absent") is None
    assert modalities({"models": [model, {"modalities": ["c", "a"]}]}) == ["b", "a", "c"]
