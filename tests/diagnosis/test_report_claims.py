"""No reading claims more than the intervals allow, whatever the numbers."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.diagnosis.report import readings, tables
from brmrs_graph.diagnosis.report.numbers import measured
from brmrs_graph.diagnosis.report.topics import TOPICS
from tests.diagnosis.diagnoses import HOSTILE, difference, estimate, make_diagnosis

THREE = ("visual", "textual", "acoustic")
CLAIMS = re.compile(
    "(higher|lower) than that of \u201c|(?<!not )clearly (above|below|less|more)|(More|Fewer) pairs|it (rises|falls)"
    "|(more|less) than that[.:]|of that are chance|less than chance|even (better|more)|in between|fusing loses some"
    "|knows something|(more|less) than half of them|as intended|against the intention"
)


def lines(diagnosis: dict[str, Any]) -> Iterator[str]:
    """All that is said about a diagnosis."""
    head, summary = readings.answer(diagnosis)
    yield from (head, *summary)
    for topic in TOPICS:
        for said in topic.readings(diagnosis).values():
            yield from said


def widened(part: Any) -> Any:
    """A part of a diagnosis in which all intervals are as wide as can be."""
    if isinstance(part, dict) and "value" in part:
        return part | {"low": -10.0, "high": 10.0}
    if isinstance(part, dict):
        return {key: value if key == "cases" else widened(value) for key, value in part.items()}
    return [widened(value) for value in part] if isinstance(part, list) else part


def without_intervals(part: Any) -> Any:
    if isinstance(part, dict) and "value" in part:
        return part | {"low": None, "high": None}
    if isinstance(part, dict):
        return {key: value if key == "cases" else without_intervals(value) for key, value in part.items()}
    return [without_intervals(value) for value in part] if isinstance(part, list) else part


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("blur", [widened, without_intervals])
def test_nothing_is_claimed_where_the_intervals_leave_all_open(seed: int, blur: Any) -> None:
    certain = make_diagnosis(3, THREE, seed=seed)
    assert sum(bool(CLAIMS.search(line)) for line in lines(certain)) > 20
    said = list(lines(blur(certain)))
    assert [line for line in said if CLAIMS.search(line)] == []
    assert any("not distinguishable from" in line for line in said)


def test_nothing_is_counted_as_better_where_the_intervals_leave_all_open() -> None:
    diagnosis = widened(make_diagnosis(3))
    text, _ = readings.differences(diagnosis)
    assert re.match(
        r"Of (\d+) differences, \1 cannot be told from zero\. .* is better in 0 and worse in 0; in 0 ", text
    )
    (table,) = tables.differences(diagnosis)
    assert {cell.verdict for _, cells in table.rows for cell in cells} == {"unclear"}


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=2).map(sorted), st.integers(0, 3))
def test_a_difference_is_claimed_exactly_where_its_interval_excludes_zero(ends: list[float], topic: int) -> None:
    low, high = ends
    measure, of = (
        ("recall/fused", readings.recall),
        ("partition/summary/synergy", readings.partition),
        ("degeneration/in_model/all_users", readings.degeneration),
        ("utilisation", readings.information),
    )[topic]
    diagnosis = make_diagnosis(2) | {"differences": [difference(measure, (low + high) / 2, low, high)]}
    (text,) = (line for line in of(diagnosis) if line.startswith("Paired"))
    assert ("not distinguishable from" in text) == (low <= 0 <= high)
    assert ("is higher than" in text) == (low > 0)
    assert ("is lower than" in text) == (high < 0)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=2).map(sorted))
def test_the_headline_calls_a_difference_to_a_single_modality_clear_only_where_it_is(ends: list[float]) -> None:
    low, high = ends
    diagnosis = make_diagnosis(1)
    diagnosis["models"][0]["degeneration"]["in_model"]["beyond_single"] = estimate((low + high) / 2, low, high)
    head, said = readings.answer(diagnosis)
    assert ("not distinguishable from" in head) == ("not distinguishable from" in said[1]) == (low <= 0 <= high)
    assert ("more than" in head) == ("more often" in said[1]) == (low > 0)
    assert ("less than" in head) == ("less often" in said[1]) == (high < 0)


@given(st.lists(st.floats(-1, 2), min_size=2, max_size=2).map(sorted))
def test_a_position_is_in_between_exactly_where_its_interval_is(ends: list[float]) -> None:
    low, high = ends
    diagnosis = make_diagnosis(1)
    content = diagnosis["models"][0]["complementarity"][0]["content"]
    content |= {"far": estimate(0.2, 0.19, 0.21), "close": estimate(0.4, 0.39, 0.41), "rate": estimate(0.3, 0.2, 0.4)}
    content["position"] = estimate((low + high) / 2, low, high)
    text = readings.complementarity(diagnosis)["visual confuses, textual separates"][1]
    assert ("in between" in text) == (low > 0 and high < 1)
    assert ("even better" in text) == (high < 0) and ("even more often" in text) == (low > 1)
    assert ("not distinguishable" in text or "leaves it open" in text) == (low <= 0 <= high or low <= 1 <= high)


@given(st.lists(st.floats(0, 2), min_size=2, max_size=2).map(sorted))
def test_utilisation_is_judged_by_its_interval(ends: list[float]) -> None:
    low, high = ends
    diagnosis = make_diagnosis(1) | {"differences": []}
    diagnosis["models"][0]["utilisation"] = estimate((low + high) / 2, low, high)
    text = readings.information(diagnosis)[-1]
    assert ("not distinguishable" in text) == (low <= 1 <= high)
    assert ("fusing loses some" in text) == (high < 1) and ("knows something" in text) == (low > 1)


@pytest.mark.parametrize("modalities", [("visual", "textual"), THREE])
def test_where_nothing_was_measured_no_number_is_given(modalities: tuple[str, ...]) -> None:
    diagnosis = make_diagnosis(2, modalities, null=1.0)
    for topic in TOPICS:
        for heading, said in topic.readings(diagnosis).items():
            assert said, (topic.name, heading)
    for line in lines(diagnosis):
        assert re.search("not measured|not known|Nothing was measured|No other model|No model of one modality", line), (
            line
        )
        assert not re.search(r"\d\s?(%|points|bits|\[)|0\.\d", line), line


@pytest.mark.parametrize("seed", range(4))
def test_sentences_are_whole_whatever_is_missing(seed: int) -> None:
    for null, text in ((0.0, ""), (0.2, ""), (0.6, HOSTILE)):
        diagnosis = make_diagnosis(4, THREE, seed=seed, null=null, text=text)
        assert measured(diagnosis["models"][0], "recall", "nothing") is None
        for line in lines(diagnosis):
            assert line[0].isupper() or line[0].isdigit() or line[0] in "\u201cN", line
            assert line.endswith((".", "!")) and "  " not in line and " ." not in line and "None" not in line, line
            assert "nan" not in line.split() and "[]" not in line and "()" not in line
