"""What is said about information, degrees, types of information, and differences between models."""

from typing import Any

import pytest

from brmrs_graph.diagnosis.report import readings
from tests.diagnosis.diagnoses import difference, estimate, make_diagnosis

PERCENT = "\u00a0%"
ATOMS = ("redundancy", "unique_first", "unique_second", "synergy")


def decomposed(**ends: tuple[float, float] | None) -> dict[str, Any]:
    """A diagnosis with given intervals of total and atoms (0.1 to 0.2 unless given)."""
    diagnosis = make_diagnosis(1) | {"differences": []}
    entry = diagnosis["models"][0]["information"][0]
    for atom in ("total", *ATOMS):
        interval = ends.get(atom, (0.1, 0.2))
        entry[atom] = None if interval is None else estimate(sum(interval) / 2, *interval)
    diagnosis["models"][0]["utilisation"] = None
    return diagnosis


UNKNOWN = "How much of it the fused score holds was not measured."


def test_all_atoms_are_named_with_their_values() -> None:
    found = readings.information(decomposed(total=(0.5, 0.7), synergy=(0.012, 0.018)))
    assert found == [
        "Together the visual and the textual score carry 0.600 bits [0.500, 0.700] about which of two items a user "
        "liked; 1 bit would be all there is to know.",
        "Of that, there are 0.150 bits [0.100, 0.200] in both (redundant), 0.150 bits [0.100, 0.200] in visual only, "
        "0.150 bits [0.100, 0.200] in textual only and 0.015 bits [0.012, 0.018] in neither alone but in both together "
        "(synergistic).",
        UNKNOWN,
    ]


def test_atoms_that_may_be_nothing_are_not_claimed() -> None:
    found = readings.information(
        decomposed(total=(0.1, 0.3), unique_first=(-0.01, 0.01), synergy=(0.0, 0.01), unique_second=None)
    )
    assert found[1:] == [
        "Of that, there are 0.150 bits [0.100, 0.200] in both (redundant).",
        "What is in visual only or in neither alone but in both together (synergistic) is not distinguishable from "
        "nothing.",
        UNKNOWN,
    ]
    assert readings.information(decomposed(total=(-0.01, 0.01)))[0] == (
        "What visual and textual tell together, 0.000 bits [\u22120.010, 0.010], is not distinguishable from nothing."
    )
    assert readings.information(decomposed(total=None))[0] == "What visual and textual tell together was not measured."


def test_information_that_was_not_measured() -> None:
    diagnosis = decomposed()
    diagnosis["models"][0]["information"] = []
    assert readings.information(diagnosis) == ["Information was not measured for \u201cdefault\u201d.", UNKNOWN]


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.8, 0.9, "fusing loses some."),
        (0.8, 1.0, "not distinguishable from all of it."),
        (0.9, 1.1, "not distinguishable from all of it."),
        (1.0, 1.1, "not distinguishable from all of it."),
        (1.1, 1.2, "it knows something that no single modality does."),
    ],
)
def test_utilisation(low: float, high: float, verdict: str) -> None:
    diagnosis = decomposed()
    diagnosis["models"][0]["utilisation"] = estimate((low + high) / 2, low, high)
    diagnosis["differences"] = [difference("utilisation", 0.05, 0.03, 0.07)]
    *_, text, compared = readings.information(diagnosis)
    assert text == (
        f"The fused score holds {(low + high) / 2:.2f} [{low:.2f}, {high:.2f}] times as much information as the single "
        f"scores together: {verdict}"
    )
    assert compared == (
        "Paired over the same users, utilisation is higher than that of \u201cbpr\u201d (+0.050 [+0.030, +0.070])."
    )


def by_degree(first: tuple[float, float], last: tuple[float, float]) -> list[str]:
    diagnosis = make_diagnosis(1)
    bins = {"1-3": estimate(0.1, *first), "4-7": estimate(0.9, 0.8, 1.0), "8+": estimate(0.3, *last)}
    diagnosis["models"][0] |= {"by_user_degree": {"degeneration": bins}, "by_item_degree": {"fusion_loss": {"1": None}}}
    return readings.degree(diagnosis)


@pytest.mark.parametrize(
    ("first", "last", "trend"),
    [
        ((0.05, 0.15), (0.25, 0.35), "it rises."),
        ((0.05, 0.35), (0.25, 0.35), "no clear change."),
        ((0.45, 0.5), (0.25, 0.35), "it falls."),
    ],
)
def test_trends_by_degree(first: tuple[float, float], last: tuple[float, float], trend: str) -> None:
    text, nothing = by_degree(first, last)
    assert text.startswith(f"Degeneration is 10.0{PERCENT} [")
    assert f"] for users with 1-3 training interactions and 30.0{PERCENT} [25.0, 35.0] for those with 8+: " in text
    assert text.endswith(trend)
    assert nothing == "Fusion loss by degree of items was not measured in two groups or more."


def test_nothing_by_degree() -> None:
    diagnosis = make_diagnosis(1)
    diagnosis["models"][0] |= {"by_user_degree": {}, "by_item_degree": None}
    assert readings.degree(diagnosis) == ["Nothing was measured by degree for \u201cdefault\u201d."]


def test_types_of_information() -> None:
    diagnosis = make_diagnosis(3)
    first, bpr, dns = diagnosis["models"]
    first["by_type"] = {"joint": estimate(0.02, 0.01, 0.03), "redundant": estimate(0.2, 0.19, 0.21), "visual": None}
    bpr["by_type"] = {"joint": estimate(0.01, 0.0, 0.02), "redundant": estimate(0.15, 0.14, 0.16), "visual": None}
    dns["by_type"] = {"joint": estimate(0.05, 0.04, 0.06), "redundant": estimate(0.2, 0.1, 0.3), "visual": None}
    assert readings.types(diagnosis) == [
        f"Of the test pairs of type \u201credundant\u201d, 20.0{PERCENT} [19.0, 21.0] are among the first 20.",
        f"Of those of type \u201cjoint\u201d, it is 2.0{PERCENT} [1.0, 3.0]: clearly less.",
        f"Clearly more than \u201cbpr\u201d finds: \u201credundant\u201d (20.0{PERCENT} against 15.0{PERCENT}).",
        f"Clearly less than \u201cdns\u201d finds: \u201cjoint\u201d (2.0{PERCENT} against 5.0{PERCENT}).",
    ]


def test_types_that_do_not_differ_or_are_not_known() -> None:
    diagnosis = make_diagnosis(2)
    for model in diagnosis["models"]:
        model["by_type"] = {"a": estimate(0.1, 0.05, 0.15), "b": estimate(0.12, 0.07, 0.17)}
    _, less, compared = readings.types(diagnosis)
    assert less.endswith(": not clearly less, as the intervals overlap.")
    assert compared == "For no type do the intervals set it apart from \u201cbpr\u201d."
    diagnosis["models"][0]["by_type"] = None
    assert readings.types(diagnosis) == ["What kind of information decides a test pair is not known for these data."]


def test_differences_are_counted() -> None:
    entries = [
        difference("recall/fused", 0.02, 0.01, 0.03),  # better
        difference("degeneration/in_model/all_users", -0.02, -0.03, -0.01),  # better
        difference("partition/summary/fusion_loss", 0.02, 0.01, 0.03),  # worse
        difference("utilisation", 0.02, 0.01, 0.03),  # neither
        difference("recall/visual", 0.02, -0.01, 0.03),
        difference("recall/textual", 0.02, 0.0, 0.03),
        difference("recall/fused", 0, 0, 0, "dns") | {"difference": None},
        difference("partition/cells/000", 0.02, 0.01, 0.03),  # not shown
    ]
    text, caution = readings.differences(make_diagnosis(3) | {"differences": entries})
    assert text == (
        "Of 6 differences, 2 cannot be told from zero. \u201cdefault\u201d is better in 2 and worse in 1; in 1 it "
        "differs, but neither direction is better."
    )
    assert "a single difference among many is weak evidence" in caution
    nothing = ["No other model was given to compare with."]
    assert readings.differences(make_diagnosis(1) | {"differences": []}) == nothing
    assert readings.differences(make_diagnosis(2, null=1.0)) == nothing
