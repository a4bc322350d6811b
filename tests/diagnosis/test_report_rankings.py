"""What is said about recall, the partition and degeneration."""

from typing import Any

import pytest

from brmrs_graph.diagnosis.report import readings
from tests.diagnosis.diagnoses import difference, estimate, make_diagnosis

NAME = "\u201cdefault\u201d"
PERCENT = "\u00a0%"


def one() -> tuple[dict[str, Any], dict[str, Any]]:
    """A diagnosis of one model, compared with none, and the model."""
    diagnosis = make_diagnosis(1) | {"differences": []}
    return diagnosis, diagnosis["models"][0]


def test_recall_beside_single_modalities_and_models_trained_alone() -> None:
    diagnosis, model = one()
    model["recall"] = {
        "fused": estimate(0.1, 0.09, 0.11),
        "visual": estimate(0.07, 0.06, 0.08),
        "textual": estimate(0.095, 0.085, 0.105),
    }
    model["alone"] = {"visual": estimate(0.05, 0.04, 0.055), "textual": estimate(0.13, 0.12, 0.14)}
    diagnosis["differences"] = [
        difference("recall/fused", 0.01, 0.005, 0.015),
        difference("recall/visual", -0.001, -0.01, 0.008),
    ]
    assert readings.recall(diagnosis) == [
        f"On average, the first 20 items of the fused ranking hold 10.0{PERCENT} [9.0, 11.0] of a user's held-out "
        "items.",
        f"Compared with its single modalities, this is clearly above visual (7.0{PERCENT}) and not clearly different "
        f"from textual (9.5{PERCENT}).",
        f"Compared with models of one modality trained alone, it is clearly above visual (5.0{PERCENT}) and clearly "
        f"below textual (13.0{PERCENT}).",
        f"The visual branch inside {NAME} (7.0{PERCENT}) is clearly above the model trained alone (5.0{PERCENT}).",
        f"The textual branch inside {NAME} (9.5{PERCENT}) is clearly below the model trained alone (13.0{PERCENT}).",
        "Paired over the same users, Recall@20 (fused) is higher than that of \u201cbpr\u201d (+0.0100 [+0.0050, "
        "+0.0150]). Higher is better here.",
        "Paired over the same users, Recall@20 (visual) is not distinguishable from that of \u201cbpr\u201d "
        "(\u22120.0010 [\u22120.0100, +0.0080]). Higher is better here.",
    ]


def test_recall_without_models_trained_alone() -> None:
    diagnosis, model = one()
    model["alone"] = {"visual": None, "textual": None}
    lines = readings.recall(diagnosis)
    assert lines[-1] == "No model of one modality trained alone was given, so that comparison was not measured."
    model["recall"]["fused"] = None
    assert readings.recall(diagnosis) == [f"The recall of the fused ranking of {NAME} was not measured."]


def summary(model: dict[str, Any], loss: tuple[float, float], synergy: tuple[float, float]) -> None:
    for part, (low, high) in (("fusion_loss", loss), ("synergy", synergy)):
        model["partition"]["summary"][part] = estimate((low + high) / 2, low, high, 12023)


@pytest.mark.parametrize(
    ("loss", "synergy", "balance"),
    [
        ((0.04, 0.06), (0.01, 0.02), "More pairs are lost by fusing than are found by the fused ranking alone."),
        ((0.01, 0.02), (0.04, 0.06), "Fewer pairs are lost by fusing than are found by the fused ranking alone."),
        (
            (0.01, 0.03),
            (0.02, 0.06),
            "Whether more pairs are lost by fusing or found by the fused ranking alone is open: the intervals overlap.",
        ),
    ],
)
def test_the_partition(loss: tuple[float, float], synergy: tuple[float, float], balance: str) -> None:
    diagnosis, model = one()
    summary(model, loss, synergy)
    model["partition"]["summary"]["fusion_keeps"] = estimate(0.07, 0.06, 0.08)
    model["partition"]["summary"]["none"] = estimate(0.88, 0.87, 0.89)
    model["partition"]["synergy_chance"] = None
    model["partition"]["why_not"] = "there is one seed only"
    lines = readings.partition(diagnosis)
    value = 50 * sum(loss)
    assert lines[0].startswith(f"In {value:.1f}{PERCENT} [")
    assert lines[0].endswith(
        "of the 12,023 held-out pairs a single modality has the liked item among its first 20 and the fused ranking "
        "has not: fusing loses them."
    )
    assert lines[1].endswith("are found by the fused ranking alone: this is synergy.")
    assert lines[2:] == [
        balance,
        f"7.0{PERCENT} [6.0, 8.0] are found by a modality and the fused ranking alike; 88.0{PERCENT} [87.0, 89.0] are "
        "found by no ranking at all.",
        "What another seed would find by chance was not measured (there is one seed only).",
    ]


@pytest.mark.parametrize(
    ("beyond", "words", "points"),
    [
        ((0.01, 0.03), "clearly above", "+2.0 points [+1.0, +3.0]"),
        ((-0.03, -0.01), "clearly below", "\u22122.0 points [\u22123.0, \u22121.0]"),
        ((-0.01, 0.05), "not clearly different from", "+2.0 points [\u22121.0, +5.0]"),
    ],
)
def test_synergy_beside_chance(beyond: tuple[float, float], words: str, points: str) -> None:
    diagnosis, model = one()
    summary(model, (0.04, 0.06), (0.01, 0.02))
    model["partition"]["synergy_chance"] = estimate(0.015, 0.01, 0.02)
    model["partition"]["synergy_beyond_chance"] = estimate(sum(beyond) / 2, *beyond)
    assert readings.partition(diagnosis)[-1] == (
        "A single modality of a second training run, with nothing but another seed, finds "
        f"1.5{PERCENT} [1.0, 2.0] that no single modality of this one finds. Synergy is {words} that ({points})."
    )


def degeneration(beyond: tuple[float, float], chance: float = 0.11) -> tuple[dict[str, Any], dict[str, Any]]:
    """A diagnosis with a rate of degeneration 14.7 %, chance, and their difference."""
    diagnosis, model = one()
    part = model["degeneration"]
    part["in_model"] = {
        "all_users": estimate(0.147, 0.137, 0.156, 4726),
        "users_with_hits": estimate(0.71, 0.69, 0.73, 975),
        "mean_loss": estimate(0.013, 0.011, 0.015),
        "of_single": estimate(chance, chance - 0.01, chance + 0.01),
        "beyond_single": estimate(sum(beyond) / 2, *beyond),
    }
    part["chance"] = {"all_users": estimate(0.12, 0.11, 0.13), "users_with_hits": None}
    part["excess"] = {"all_users": estimate(sum(beyond) / 2, *beyond), "users_with_hits": estimate(0.14, 0.1, 0.18)}
    part["trained_alone"], part["why_not"] = None, {"trained_alone": "no such run"}
    return diagnosis, model


RATE = (
    f"For 14.7{PERCENT} [13.7, 15.6] of 4,726 users with held-out items, NDCG@20 of the fused ranking is lower than "
    "that of the best single modality of the same model."
)
SINGLE = (
    "The best of several rankings is often ahead of any one. In the place of the fused ranking, a single modality is "
    f"below the best of all others for 11.0{PERCENT} [10.0, 12.0] of the users, on average; the rate of the fused "
    "ranking differs from that by"
)


@pytest.mark.parametrize(
    ("beyond", "single", "seeds", "headline"),
    [
        (
            (0.03, 0.05),
            "+4.0 points [+3.0, +5.0]: it is the worse one more often.",
            "Fusing hurts 4.0 points [3.0, 5.0] more than that.",
            "more than",
        ),
        (
            (-0.05, -0.03),
            "\u22124.0 points [\u22125.0, \u22123.0]: it is the worse one less often.",
            "Fusing hurts 4.0 points [3.0, 5.0] less than that: the fused ranking is steadier than a change of seed.",
            "less than",
        ),
        (
            (-0.01, 0.04),
            "+1.5 points [\u22121.0, +4.0]: not distinguishable from 0.",
            "The difference to that, +1.5 points [\u22121.0, +4.0], is not distinguishable from 0: chance alone may "
            "explain the rate.",
            "not distinguishable from",
        ),
    ],
)
def test_degeneration_beside_chance(beyond: tuple[float, float], single: str, seeds: str, headline: str) -> None:
    diagnosis, _ = degeneration(beyond)
    assert readings.degeneration(diagnosis) == [
        RATE,
        f"{SINGLE} {single}",
        f"Against as many fused rankings that differ in the seed only, the rate is 12.0{PERCENT} [11.0, 13.0]. {seeds}",
        f"Among the users for whom any of these rankings has a hit, the rate is 71.0{PERCENT} [69.0, 73.0], "
        "+14.0 points [+10.0, +18.0] relative to other seeds.",
        "Averaged over all users, 0.0130 [0.0110, 0.0150] of NDCG@20 is lost against the best branch of each.",
        "The comparison with modalities trained alone was not measured (no such run).",
    ]
    head, lines = readings.answer(diagnosis)
    assert head == (
        f"Fusing visual and textual hurts 14.7{PERCENT} of the users of {NAME}; {headline} the 11.0{PERCENT} for whom "
        "a single modality is below the others."
    )
    assert lines[:2] == [RATE, f"{SINGLE} {single}"]


def test_degeneration_without_other_seeds() -> None:
    diagnosis, model = degeneration((0.0, 0.0))
    model["degeneration"] |= {"chance": None, "excess": None, "why_not": {"chance": "one seed", "trained_alone": "x"}}
    lines = readings.degeneration(diagnosis)
    assert lines[2] == ("How often other seeds of the same model are ahead by luck was not measured (one seed).")
    assert lines[3].endswith(f"the rate is 71.0{PERCENT} [69.0, 73.0].")
    model["degeneration"]["in_model"] |= {"of_single": None, "beyond_single": None}
    assert readings.answer(diagnosis)[0].endswith("; what a single modality would do in its place was not measured.")


def test_degeneration_against_modalities_trained_alone_and_other_models() -> None:
    diagnosis, model = degeneration((0.03, 0.05))
    by_role = {"of_single": estimate(0.11, 0.1, 0.12), "beyond_single": estimate(0.16, 0.15, 0.17)}
    model["degeneration"]["trained_alone"] = {"all_users": estimate(0.27, 0.25, 0.29)} | by_role
    diagnosis["differences"] = [
        difference("degeneration/in_model/all_users", -0.05, -0.06, -0.04),
        difference("degeneration/in_model/beyond_single", -0.02, -0.03, -0.01),
        difference("degeneration/excess/all_users", 0.01, -0.02, 0.04),
    ]
    better = (
        "Paired over the same users, degeneration against its own branches (all users) is lower than that of "
        "\u201cbpr\u201d (\u22125.0 points [\u22126.0, \u22124.0]). Lower is better here."
    )
    assert readings.degeneration(diagnosis)[5:] == [
        "Against the best of the models of one modality trained alone, the fused ranking is worse for "
        f"27.0{PERCENT} [25.0, 29.0] of the users.",
        f"{SINGLE} +16.0 points [+15.0, +17.0]: it is the worse one more often.",
        better,
        "Paired over the same users, degeneration against its own branches, beyond that of a single modality is "
        "lower than that of \u201cbpr\u201d (\u22122.0 points [\u22123.0, \u22121.0]). Lower is better here.",
        "Paired over the same users, degeneration beyond other seeds (all users) is not distinguishable from that of "
        "\u201cbpr\u201d (+1.0 points [\u22122.0, +4.0]). Lower is better here.",
    ]
    assert better in readings.answer(diagnosis)[1]


def test_nothing_measured_of_the_rankings() -> None:
    diagnosis = make_diagnosis(1, ("visual", "textual", "acoustic"), null=1.0)
    head, lines = readings.answer(diagnosis)
    assert head == f"How often fusing visual, textual and acoustic hurts was not measured for {NAME}."
    assert lines == readings.partition(diagnosis)
    assert lines == ["What another seed would find by chance was not measured (there is one seed only)."]
    first, *_ = readings.degeneration(diagnosis)
    assert first == "How many users the fused ranking serves worse than its best branch was not measured."
