"""What is said about look-alikes and about the margins to cross-modal hard negatives."""

from typing import Any

import pytest

from brmrs_graph.diagnosis.report import readings
from tests.diagnosis.diagnoses import difference, estimate, make_diagnosis

PERCENT = "\u00a0%"
HEADING = "visual confuses, textual separates"


def rates(position: tuple[float, float] | None, far: float = 0.2, close: float = 0.4) -> dict[str, Any]:
    return {
        "rate": estimate(0.25, 0.24, 0.26, 469001),
        "far": estimate(far, far - 0.01, far + 0.01),
        "close": estimate(close, close - 0.01, close + 0.01),
        "position": None if position is None else estimate(sum(position) / 2, *position),
        "lift": estimate(1.25, 1.2, 1.3),
    }


def look_alikes(content: dict[str, Any], failure: dict[str, Any] | None = None) -> list[str]:
    diagnosis = make_diagnosis(1) | {"differences": []}
    entry = diagnosis["models"][0]["complementarity"][0]
    entry["content"] = content
    entry["failure"] = failure
    return readings.complementarity(diagnosis)[HEADING]


def test_every_direction_has_a_heading() -> None:
    for part in (readings.complementarity, readings.margins):
        assert list(part(make_diagnosis(1, ("a", "b", "c")))) == [
            f"{a} confuses, {b} separates"
            for a, b in (("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b"))
        ]


def test_look_alikes_between_their_controls() -> None:
    failure = {
        "rate": estimate(0.412, 0.4, 0.42, 1),
        "condition": estimate(0.06, 0.05, 0.07),
        "of_sum": estimate(0.3, 0.29, 0.31),
        "beyond_sum": estimate(0.112, 0.1, 0.12),
    }
    lines = look_alikes(rates((0.2, 0.3)), failure)
    assert lines == [
        "An item that is close to the liked one in visual but not in textual is scored at least as high by the fused "
        f"score in 25.0{PERCENT} [24.0, 26.0] of 469,001 comparisons.",
        f"For equally popular items the rate is 20.0{PERCENT} [19.0, 21.0] where they are far from the liked one in "
        f"both, and 40.0{PERCENT} [39.0, 41.0] where they are close in both. On the way from far (0) to close (1) it "
        "lies at 0.25 [0.20, 0.30]: in between, so textual helps, but not as much as if the items differed in both.",
        "The rate is 1.25 [1.20, 1.30] times that of items far in both: clearly more.",
        f"Where visual is fooled and textual is right (this is so in 6.0{PERCENT} [5.0, 7.0] of the comparisons), the "
        f"fused score follows visual in 41.2{PERCENT} [40.0, 42.0] of 1 case.",
        "The plain sum of the two scores, each in standard deviations of its own, would follow visual in "
        f"30.0{PERCENT} [29.0, 31.0]; the fused score follows it clearly more often (+11.2 "
        "points [+10.0, +12.0]).",
    ]


@pytest.mark.parametrize(
    ("beyond", "verdict"),
    [
        ((0.01, 0.02), "clearly more often"),
        ((-0.02, -0.01), "clearly less often"),
        ((-0.01, 0.02), "not distinguishably more or less often"),
    ],
)
def test_failures_beside_those_of_a_plain_sum(beyond: tuple[float, float], verdict: str) -> None:
    failure = dict.fromkeys(("rate", "of_sum"), estimate(0.4, 0.3, 0.5))
    line = look_alikes(rates(None), failure | {"beyond_sum": estimate(sum(beyond) / 2, *beyond)})[-1]
    assert f"the fused score follows it {verdict} (" in line


@pytest.mark.parametrize(
    ("position", "verdict"),
    [
        ((-0.5, -0.1), "look-alikes are told apart even better than items that are far in both."),
        ((-0.5, 0.1), "not distinguishable from items far in both, so being alike in visual does no measurable harm."),
        ((0.0, 0.1), "not distinguishable from items far in both, so being alike in visual does no measurable harm."),
        ((0.1, 0.9), "in between, so textual helps, but not as much as if the items differed in both."),
        (
            (0.9, 1.0),
            "not distinguishable from items close in both, so the difference in textual is of no measurable use.",
        ),
        (
            (0.9, 1.2),
            "not distinguishable from items close in both, so the difference in textual is of no measurable use.",
        ),
        ((1.1, 1.2), "look-alikes are confused even more often than items that are close in both."),
        ((-0.1, 1.1), "the interval covers both ends, which leaves it open."),
        ((0.0, 1.0), "the interval covers both ends, which leaves it open."),
    ],
)
def test_the_position_of_look_alikes(position: tuple[float, float], verdict: str) -> None:
    line = look_alikes(rates(position))[1]
    assert line.rpartition("]: ")[2] == verdict


def test_a_position_without_a_scale_is_not_measured_or_says_little() -> None:
    assert look_alikes(rates(None))[1].endswith("Where it lies between the two was not measured.")
    why = rates(None) | {"why_not": {"position": "no scale"}}
    assert look_alikes(why)[1].endswith("Where it lies between the two was not measured (no scale).")
    without_interval = rates(None) | {"position": estimate(0.5, None, None)}
    assert look_alikes(without_interval)[1].endswith("Where it lies between the two was not measured.")
    assert look_alikes(rates((0.4, 0.6), far=0.3, close=0.31))[1].endswith(
        "lies at 0.50 [0.40, 0.60]; but far and close are not clearly apart themselves, so that this says little."
    )


@pytest.mark.parametrize(
    ("lift", "verdict"),
    [((1.1, 1.2), "clearly more"), ((0.8, 0.9), "clearly less"), ((0.9, 1.1), "not distinguishable from 1")],
)
def test_the_lift_of_look_alikes(lift: tuple[float, float], verdict: str) -> None:
    line = look_alikes(rates((0.2, 0.3)) | {"lift": estimate(sum(lift) / 2, *lift)})[2]
    assert line.endswith(f"times that of items far in both: {verdict}.")


def test_look_alikes_that_were_not_measured() -> None:
    nothing = dict.fromkeys(("rate", "far", "close", "position", "lift"))
    assert look_alikes(nothing, nothing | {"condition": None}) == [
        "How often the fused score takes look-alikes in visual for the liked item was not measured.",
        "How often the fused score follows visual where visual is fooled and textual is right was not measured.",
    ]
    diagnosis = make_diagnosis(1)
    diagnosis["models"][0]["complementarity"] = []
    assert readings.complementarity(diagnosis) == {"": ["Look-alikes were not measured for \u201cdefault\u201d."]}


def test_look_alikes_of_other_models() -> None:
    diagnosis = make_diagnosis(2)
    diagnosis["differences"] = [
        difference("complementarity/textual\u2192visual/failure/rate", -0.03, -0.04, -0.02),
        difference("complementarity/visual\u2192textual/content/rate", 0.01, -0.01, 0.03),
    ]
    read = readings.complementarity(diagnosis)
    assert [line for line in read[HEADING] if "Paired" in line] == [
        "Paired over the same users, content failure visual\u2192textual is not distinguishable from that of "
        "\u201cbpr\u201d (+1.0 points [\u22121.0, +3.0]). Lower is better here."
    ]
    assert read["textual confuses, visual separates"][-1] == (
        "Paired over the same users, failure proper textual\u2192visual is lower than that of \u201cbpr\u201d "
        "(\u22123.0 points [\u22124.0, \u22122.0]). Lower is better here."
    )


def negatives(chns: tuple[float, float], random: tuple[float, float], apart: tuple[float, float]) -> list[str]:
    diagnosis = make_diagnosis(1)
    entry = diagnosis["models"][0]["margins"][0]
    entry["chns"]["confused_share"] = estimate(sum(chns) / 2, *chns)
    entry["random"]["confused_share"] = estimate(sum(random) / 2, *random)
    entry["chns"]["separated_share"] = estimate(sum(apart) / 2, *apart)
    entry["random"]["separated_share"] = estimate(0.7, 0.69, 0.71)
    entry["chns"]["both_share"], entry["random"]["both_share"] = estimate(0.3, 0.29, 0.31), estimate(0.2, 0.19, 0.21)
    return readings.margins(diagnosis)[HEADING]


def test_negatives_that_keep_their_promise() -> None:
    assert negatives((0.4, 0.5), (0.2, 0.3), (0.55, 0.65)) == [
        f"The visual score prefers the CHNS negative to the liked item in 45.0{PERCENT} [40.0, 50.0] of the draws. "
        f"This is clearly above that of random negatives (25.0{PERCENT}): hard in visual, as intended.",
        f"The textual score prefers the liked item to that negative in 60.0{PERCENT} [55.0, 65.0] of the draws, "
        f"clearly below the share for random negatives (70.0{PERCENT}): textual tells more than half of them apart.",
        f"Both hold at once in 30.0{PERCENT} [29.0, 31.0] of the draws, clearly above the share for random negatives "
        f"(20.0{PERCENT}).",
    ]


@pytest.mark.parametrize(
    ("chns", "verdict"),
    [
        (
            (0.1, 0.15),
            f"clearly below that of random negatives (25.0{PERCENT}): easier in visual, against the intention.",
        ),
        ((0.15, 0.35), f"not clearly different from that of random negatives (25.0{PERCENT}): open."),
    ],
)
def test_negatives_that_are_not_hard(chns: tuple[float, float], verdict: str) -> None:
    assert negatives(chns, (0.2, 0.3), (0.55, 0.65))[0].endswith(f"This is {verdict}")


@pytest.mark.parametrize(
    ("apart", "verdict"),
    [
        ((0.2, 0.4), "textual tells less than half of them apart."),
        ((0.4, 0.6), "whether textual tells more than half apart is open."),
        ((0.6, 0.7), "textual tells more than half of them apart."),
    ],
)
def test_negatives_that_may_be_separable(apart: tuple[float, float], verdict: str) -> None:
    assert negatives((0.4, 0.5), (0.2, 0.3), apart)[1].endswith(f": {verdict}")


def test_negatives_that_were_not_measured() -> None:
    diagnosis = make_diagnosis(1, null=1.0)
    assert readings.margins(diagnosis)[HEADING] == [
        "How hard CHNS negatives are in visual was not measured.",
        "How well textual tells CHNS negatives from the liked item was not measured.",
    ]
    diagnosis["models"][0]["margins"] = []
    assert readings.margins(diagnosis) == {"": ["Margins were not measured for \u201cdefault\u201d."]}
