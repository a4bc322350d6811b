"""Names, units and directions of the measures in which models are compared."""

import pytest

from brmrs_graph.diagnosis.report.measures import describe, is_shown
from brmrs_graph.diagnosis.report.numbers import METRIC, POINTS, RATIO, Unit
from tests.diagnosis.diagnoses import measured_diagnosis

MODALITIES = pytest.mark.parametrize("modalities", [("a", "b"), ("visual", "textual", "acoustic")])


@MODALITIES
def test_every_measured_difference_has_a_name_in_words(modalities: tuple[str, ...]) -> None:
    measures = [entry["measure"] for entry in measured_diagnosis(modalities)["differences"]]
    labels = [describe(measure, 5).label for measure in measures]
    assert len(measures) > 30 and len(set(labels)) == len(labels)
    for measure, label in zip(measures, labels, strict=True):
        assert label != measure.replace("_", " ") or measure == "utilisation"
        assert not set("/_") & set(label), "this is a path, not a name"


@MODALITIES
def test_cells_and_models_trained_alone_are_not_shown(modalities: tuple[str, ...]) -> None:
    measures = [entry["measure"] for entry in measured_diagnosis(modalities)["differences"]]
    hidden = {measure.rsplit("/", 1)[0] for measure in measures if not is_shown(measure)}
    assert hidden == {"partition/cells", "alone"}


@pytest.mark.parametrize(
    ("measure", "label", "unit", "better"),
    [
        ("recall/fused", "Recall@20 (fused)", METRIC, 1),
        ("recall/visual", "Recall@20 (visual)", METRIC, 1),
        ("alone/visual", "Recall@20 (visual, trained alone)", METRIC, 0),
        ("partition/summary/fusion_loss", "fusion loss", POINTS, -1),
        ("partition/summary/fusion_keeps", "fusion keeps", POINTS, 0),
        ("partition/summary/synergy", "synergy", POINTS, 1),
        ("partition/summary/none", "found by no ranking", POINTS, 0),
        ("partition/synergy_chance", "found by a modality of another seed (chance)", POINTS, 0),
        ("partition/cells/011", "cell 011 of the partition", POINTS, 0),
        ("degeneration/in_model/all_users", "degeneration against its own branches (all users)", POINTS, -1),
        ("degeneration/trained_alone/users_with_hits", None, POINTS, -1),
        ("degeneration/in_model/mean_loss", "mean loss of NDCG@20 against its own branches", METRIC, -1),
        ("degeneration/chance/all_users", "degeneration against other seeds (chance) (all users)", POINTS, 0),
        ("degeneration/excess/users_with_hits", "degeneration beyond other seeds (users with a hit)", POINTS, -1),
        ("complementarity/a\u2192b/content/rate", "content failure a\u2192b", POINTS, -1),
        ("complementarity/a\u2192b/failure/rate", "failure proper a\u2192b", POINTS, -1),
        ("complementarity/a\u2192b/failure/condition", None, POINTS, 0),
        ("complementarity/a\u2192b/content/position", None, RATIO, -1),
        ("complementarity/a\u2192b/content/lift", "content failure a\u2192b, times the rate of far items", RATIO, -1),
        ("complementarity/a\u2192b/failure/of_sum", "failure proper a\u2192b of a plain sum", POINTS, 0),
        ("complementarity/a\u2192b/failure/beyond_sum", "failure proper a\u2192b beyond a plain sum", POINTS, -1),
        ("partition/synergy_chance", "found by a modality of another seed (chance)", POINTS, 0),
        ("partition/synergy_beyond_chance", "synergy beyond chance", POINTS, 1),
        (
            "degeneration/in_model/of_single",
            "degeneration against its own branches, of a single modality in its place",
            POINTS,
            0,
        ),
        (
            "degeneration/trained_alone/beyond_single",
            "degeneration against modalities trained alone, beyond that of a single modality",
            POINTS,
            -1,
        ),
        ("utilisation", "utilisation", Unit(1, 3), 0),
        ("something_new/of_tomorrow", "something new/of tomorrow", METRIC, 0),
    ],
)
def test_measures(measure: str, label: str | None, unit: Unit, better: int) -> None:
    found = describe(measure)
    assert (found.unit_of_difference, found.better) == (unit, better)
    assert label is None or found.label == label


def test_the_length_of_the_rankings_is_named() -> None:
    assert describe("recall/fused", 5).label == "Recall@5 (fused)"
    assert "NDCG@5" in describe("degeneration/in_model/mean_loss", 5).label
