"""Words for comparisons."""

import re

from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.diagnosis.report.numbers import PERCENT
from brmrs_graph.diagnosis.report.readings.wording import against, beside, count, listing, quoted, sentence
from brmrs_graph.evaluation import Estimate
from tests.diagnosis.diagnoses import difference, make_diagnosis

ENDS = st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(sorted)


def test_words_in_a_row() -> None:
    assert listing([]) == ""
    assert listing(["a"]) == "a"
    assert listing(["a", "b"]) == "a and b"
    assert listing(["a", "b", "c"], "or") == "a, b or c"


def test_numbers_of_things_and_sentences() -> None:
    assert [count(n, "user") for n in (0, 1, 2500)] == ["0 users", "1 user", "2,500 users"]
    assert quoted("a") == "\u201ca\u201d"
    assert [sentence(text) for text in ("it is so", "Is it?", "done.")] == ["It is so.", "Is it?", "Done."]


def test_a_value_beside_others() -> None:
    x = Estimate(0.5, 0.4, 0.6, 9)
    others = {"a": Estimate(0.1, 0.0, 0.2, 9), "b": Estimate(0.55, 0.5, 0.7, 9), "c": Estimate(0.3, 0.2, 0.39, 9)}
    assert beside(x, others, PERCENT) == [
        "clearly above a (10.0\u00a0%) and c (30.0\u00a0%)",
        "not clearly different from b (55.0\u00a0%)",
    ]
    assert beside(Estimate(0.0, -0.1, 0.1, 9), {"a": x}, PERCENT) == ["clearly below a (50.0\u00a0%)"]
    assert beside(x, {}, PERCENT) == []


@given(ENDS, ENDS)
def test_overlapping_intervals_are_never_said_to_differ(a: list[float], b: list[float]) -> None:
    x, y = (Estimate(sum(ends) / 2, ends[0], ends[1], 9) for ends in (a, b))
    (phrase,) = beside(x, {"other": y}, PERCENT)
    overlap = a[0] <= b[1] and b[0] <= a[1]
    assert overlap == phrase.startswith("not clearly different from")
    assert overlap or (x.value > y.value) == phrase.startswith("clearly above")


def test_differences_to_other_models_in_one_sentence() -> None:
    entries = [
        difference("recall/fused", 0.0085, 0.0041, 0.0128, "bpr"),
        difference("recall/visual", 0.5, 0.4, 0.6, "bpr"),
        difference("recall/fused", 0.0009, -0.0025, 0.0043, "dns"),
        difference("recall/fused", -0.02, -0.03, -0.01, "self"),
        difference("recall/fused", 0.02, 0.01, 0.03, "paper"),
    ]
    assert against(make_diagnosis(5) | {"differences": entries}, "recall/fused") == [
        "Paired over the same users, Recall@20 (fused) is higher than that of \u201cbpr\u201d "
        "(+0.0085 [+0.0041, +0.0128]) and that of \u201cpaper\u201d (+0.0200 [+0.0100, +0.0300]); "
        "it is lower than that of \u201cself\u201d (\u22120.0200 [\u22120.0300, \u22120.0100]); "
        "it is not distinguishable from that of \u201cdns\u201d (+0.0009 [\u22120.0025, +0.0043]). "
        "Higher is better here."
    ]


def test_which_direction_is_better_depends_on_the_measure() -> None:
    def last(measure: str) -> str:
        return against(make_diagnosis(2) | {"differences": [difference(measure, 0.2, 0.1, 0.3)]}, measure)[0]

    assert last("partition/summary/fusion_loss").endswith(" Lower is better here.")
    assert last("partition/summary/synergy").endswith(" Higher is better here.")
    assert last("utilisation").endswith("[+0.100, +0.300]).")


def test_nothing_is_said_where_nothing_was_compared() -> None:
    null = difference("recall/fused", 0, 0, 0) | {"difference": None}
    assert against(make_diagnosis(2) | {"differences": [null]}, "recall/fused") == []
    assert against(make_diagnosis(2) | {"differences": []}, "recall/fused") == []


@given(st.lists(ENDS, min_size=1, max_size=4))
def test_no_difference_is_claimed_whose_interval_contains_zero(intervals: list[list[float]]) -> None:
    entries = [
        difference("degeneration/in_model/all_users", sum(ends) / 2, ends[0], ends[1], f"model{i}")
        for i, ends in enumerate(intervals)
    ]
    (text,) = against(make_diagnosis(1) | {"differences": entries}, "degeneration/in_model/all_users")
    said = {}
    for clause in text.removesuffix(" Lower is better here.").split("; it is "):
        (kind,) = re.findall("higher than|lower than|not distinguishable from", clause)
        said |= dict.fromkeys(re.findall("\u201c(.*?)\u201d", clause), kind)
    for i, (low, high) in enumerate(intervals):
        expected = "higher than" if low > 0 else "lower than" if high < 0 else "not distinguishable from"
        assert said[f"model{i}"] == expected
