"""Whether the synergy-aware loss does what it is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from experiments.study.base import Cell, Study
from experiments.study.finished import FinishedRun
from experiments.study.measures import (
    DEGENERATED,
    FUSION_LOSS,
    RECALL,
    SYNERGY,
    degeneration,
    partition,
    ranking_quality,
)

OBJECTIVES = ("bpr", "dns", "default")
WEIGHTS = (0, 0.3, 1, 3)


@dataclass(frozen=True)
class Synergy(Study):
    """Does the synergy-aware loss lower fusion degeneration and raise what only the fused score finds?

    Its weight λ_s is raised from 0 in three objectives: plain BPR, the control DNS, and the method with its
    cross-modal hard negatives. The shares at 0 are those without it, everything else being equal.
    """

    name: ClassVar[str] = "synergy"
    asks: ClassVar[str] = (
        "Does synergy-aware BPR lower fusion degeneration and raise the share of pairs that only the fused score finds?"
    )
    x: ClassVar[str] = "weight λ_s of synergy-aware BPR"
    drawn: ClassVar[tuple[str, ...]] = (RECALL, DEGENERATED, SYNERGY, FUSION_LOSS)
    even: ClassVar[bool] = True

    def cells(self) -> Sequence[Cell]:
        """Every weight in every objective."""
        return [
            Cell("synergy", objective, x, ("--objective", objective, "--loss.synergy", f"{x:g}"))
            for objective in OBJECTIVES
            for x in self.ends(WEIGHTS)
        ]

    def measure(self, run: FinishedRun) -> Mapping[str, float]:
        """Recall, degeneration and the cells of the partition."""
        return ranking_quality(run) | degeneration(run) | partition(run)
