"""How the gain of the method depends on how much there is to gain, on data where that can be chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from experiments.study.base import Cell, Study, require_planted
from experiments.study.finished import FinishedRun
from experiments.study.measures import DEGENERATED, RECALL, degeneration, partition, ranking_quality

OBJECTIVES = ("bpr", "dns", "default")
STRENGTHS = (0, 0.5, 1, 2, 4)
SWEEPS: Mapping[str, str] = {
    "strength γ of the unique influences": "t={0:g},v={0:g}",
    "strength γ of the joint influence": "s={0:g}",
}
"""Axis -> ``--gamma``; the influences left out keep their strength of 1."""


@dataclass(frozen=True)
class SignalStrength(Study):
    """Does the method gain more where modalities hold more unique, or more joint, information?

    On the planted data the strength γ of the influences unique to text and picture is swept, and that of the joint
    one, with all others at 1. Every strength makes a data set of its own: compare the lines at one strength, not one
    line between strengths.
    """

    dataset: str = "planted"
    """Data set, one whose influences can be chosen."""

    name: ClassVar[str] = "signal-strength"
    asks: ClassVar[str] = "Does the method gain more where modalities hold more unique, or more joint, information?"
    x: ClassVar[str] = "strength γ"
    drawn: ClassVar[tuple[str, ...]] = (RECALL, DEGENERATED)
    even: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Checks that influences can be chosen."""
        super().__post_init__()
        require_planted(self)

    def cells(self) -> Sequence[Cell]:
        """Every strength of both sweeps for every objective."""
        return [
            Cell(axis, objective, x, ("--objective", objective, "--gamma", gamma.format(x)))
            for axis, gamma in SWEEPS.items()
            for x in self.ends(STRENGTHS)
            for objective in OBJECTIVES
        ]

    def measure(self, run: FinishedRun) -> Mapping[str, float]:
        """Recall, degeneration and the cells of the partition."""
        return ranking_quality(run) | degeneration(run) | partition(run)

    def axis(self, panel: str) -> str:
        """What is swept."""
        return panel
