"""What the differences between models are called, how they are written, and which direction is better."""

from __future__ import annotations

from dataclasses import dataclass

from brmrs_graph.diagnosis.report.numbers import METRIC, POINTS, RATIO, Unit


@dataclass(frozen=True)
class Measure:
    """A measure in which models are compared.

    Args:
        label: Its name in words.
        unit_of_difference: How differences in it are written.
        better: 1 where higher is better, -1 where lower is, 0 where neither is.
    """

    label: str
    unit_of_difference: Unit
    better: int


_AGAINST = {"in_model": " against its own branches", "trained_alone": " against modalities trained alone"}
_DEGENERATION = {
    "in_model": "degeneration against its own branches",
    "trained_alone": "degeneration against modalities trained alone",
    "chance": "degeneration against other seeds (chance)",
    "excess": "degeneration beyond other seeds",
}
_USERS = {"all_users": "all users", "users_with_hits": "users with a hit"}
_PARTS = {
    "fusion_loss": ("fusion loss", -1),
    "fusion_keeps": ("fusion keeps", 0),
    "synergy": ("synergy", 1),
    "none": ("found by no ranking", 0),
}
_RATES = {
    "rate": ("", POINTS, -1),
    "position": (", position between far and close", RATIO, -1),
    "lift": (", times the rate of far items", RATIO, -1),
    "condition": (", how often its condition holds", POINTS, 0),
    "of_sum": (" of a plain sum", POINTS, 0),
    "beyond_sum": (" beyond a plain sum", POINTS, -1),
}


def describe(measure: str, k: int = 20) -> Measure:
    """A measure by the path of its difference in ``diagnosis.json``; unknown ones keep the path as their name.

    Args:
        measure: The path, such as ``"degeneration/in_model/all_users"``.
        k: Length of the rankings.
    """
    match measure.split("/"):
        case ["recall", branch]:
            return Measure(f"Recall@{k} ({branch})", METRIC, 1)
        case ["alone", branch]:
            return Measure(f"Recall@{k} ({branch}, trained alone)", METRIC, 0)
        case ["degeneration", kind, "mean_loss"] if kind in _AGAINST:
            return Measure(f"mean loss of NDCG@{k}{_AGAINST[kind]}", METRIC, -1)
        case ["degeneration", kind, "of_single"] if kind in _AGAINST:
            return Measure(f"degeneration{_AGAINST[kind]}, of a single modality in its place", POINTS, 0)
        case ["degeneration", kind, "beyond_single"] if kind in _AGAINST:
            return Measure(f"degeneration{_AGAINST[kind]}, beyond that of a single modality", POINTS, -1)
        case ["degeneration", kind, users] if kind in _DEGENERATION and users in _USERS:
            return Measure(f"{_DEGENERATION[kind]} ({_USERS[users]})", POINTS, 0 if kind == "chance" else -1)
        case ["partition", "summary", part] if part in _PARTS:
            return Measure(_PARTS[part][0], POINTS, _PARTS[part][1])
        case ["partition", "cells", hits]:
            return Measure(f"cell {hits} of the partition", POINTS, 0)
        case ["partition", "synergy_beyond_chance"]:
            return Measure("synergy beyond chance", POINTS, 1)
        case ["partition", "synergy_chance"]:
            return Measure("found by a modality of another seed (chance)", POINTS, 0)
        case ["complementarity", direction, kind, rate] if rate in _RATES:
            text, unit, better = _RATES[rate]
            name = "failure proper" if kind == "failure" else "content failure"
            return Measure(f"{name} {direction}{text}", unit, better)
        case ["by_type", kind]:
            return Measure(f"Recall@{k} of pairs {kind}", METRIC, 1)
        case ["utilisation"]:
            return Measure("utilisation", Unit(1, 3), 0)
    return Measure(measure.replace("_", " "), METRIC, 0)


def is_shown(measure: str) -> bool:
    """Whether differences in a measure belong into a table for people: single cells of the partition do not."""
    return not measure.startswith(("partition/cells/", "alone/"))
