"""What several studies read from a run, under the names that head the columns of their tables."""

from __future__ import annotations

from brmrs_graph.branches import FUSED
from brmrs_graph.diagnosis import fusion_degeneration, hit_partition
from brmrs_graph.diagnosis.information_types import recall_by_type
from brmrs_graph.evaluation import Measurement
from experiments.catalog import planted_data
from experiments.study.finished import FinishedRun

RECALL = "Recall@20"
DEGENERATED = "degenerated users (share)"
EXCESS = "degenerated users, minus chance"
SYNERGY = "pairs found by fusion alone (share)"
FUSION_LOSS = "pairs lost by fusion (share)"
NOT_MEASURED = float("nan")


def ranking_quality(run: FinishedRun) -> dict[str, float]:
    """Test Recall@20 of the fused score and of each modality's own."""
    branches = run.metrics["branches"]["test"]
    return {
        RECALL: run.metrics["test"]["recall@20"],
        **{f"{RECALL} {name}": branches[name]["recall@20"] for name in run.modalities},
    }


def degeneration(run: FinishedRun) -> dict[str, float]:
    """The share of users whom a single modality serves better, and what is above chance of it.

    Chance takes as many other seeds as there are modalities; with fewer it is not measured.
    """
    single = {name: run.rankings[name] for name in run.modalities}
    if not single:
        return {DEGENERATED: NOT_MEASURED, EXCESS: NOT_MEASURED}
    measured = fusion_degeneration(run.rankings[FUSED], single, other_seeds=run.other_rankings)
    return {DEGENERATED: value(measured.rate), EXCESS: value(measured.excess)}


def partition(run: FinishedRun) -> dict[str, float]:
    """The shares of test pairs that fusion alone finds, and loses."""
    measured = hit_partition(run.rankings, run.modalities)
    return {SYNERGY: value(measured.synergy), FUSION_LOSS: value(measured.fusion_loss)}


def recall_by_influence(run: FinishedRun) -> dict[str, float]:
    """The share of test pairs found by the fused score, by the influence that dominates the pair in the planted data.

    Returns:
        Influence (its letter) -> share, and ``"all"`` -> that of all pairs.
    """
    assert run.settings.planted is not None, "the study has checked it"
    labels = list(planted_data(run.settings.planted).types)
    kinds = recall_by_type(run.rankings[FUSED], run.data, labels)
    kinds |= recall_by_type(run.rankings[FUSED], run.data, ["all"] * len(labels))
    return {kind: value(share) for kind, share in kinds.items()}


def value(measurement: Measurement | None) -> float:
    """The value of a measurement; NaN where there is none."""
    return NOT_MEASURED if measurement is None else measurement.estimate(samples=0).value
