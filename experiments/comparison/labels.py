"""What the tables and the chart of a comparison say alike: how many seeds an arm has, and where it was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brmrs_graph.data.counted import counted


@dataclass(frozen=True)
class Place:
    """Where an arm was trained; times of different places do not compare.

    Args:
        mark: What stands beside the minutes in a table; nothing for the usual place.
        what: The same in words.
    """

    mark: str
    what: str


CPU = Place("", "one CPU thread")
GPU = Place("g", "a shared GPU")
BOTH = Place("m", "either, by seed")
PLACES = (CPU, GPU, BOTH)


def place(arm: Mapping[str, Any]) -> Place:
    """Where an arm was trained; results of earlier versions do not say, and were all made on CPUs."""
    devices = set(arm.get("devices", ["cpu"]))
    return CPU if devices == {"cpu"} else BOTH if "cpu" in devices else GPU


def seeds(results: Mapping[str, Any]) -> str:
    """How many seeds the arms of a comparison have: ``"5 seeds"``, or ``"3 to 5 seeds"`` where not all are done."""
    numbers = {len(arm["seeds"]) for arm in results["arms"].values()}
    few, many = min(numbers), max(numbers)
    most = counted(many, "seed")
    return most if few == many else f"{few} to {most}"


def fewer(arm: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """What follows the name of an arm that has fewer seeds than others, or has not had all its trials.

    ``" (1 seed)"``, ``" (5 of 8 trials)"`` or ``" (1 seed, 5 of 8 trials)"``; else nothing.
    """
    number = len(arm["seeds"])
    most = max(len(other["seeds"]) for other in results["arms"].values())
    trials = list(arm.get("trials", {}).values())
    done = sum(valid is not None for valid in trials)
    said = []
    if number < most:
        said.append(counted(number, "seed"))
    if done < len(trials):
        said.append(f"{done} of {len(trials)} trials")
    return f" ({', '.join(said)})" if said else ""
