"""What a growing share of wrong texts or pictures does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from brmrs_graph.data import Corruption
from experiments.study.base import Cell, Study
from experiments.study.finished import FinishedRun
from experiments.study.measures import DEGENERATED, RECALL, degeneration, ranking_quality
from experiments.study.weights import branch_weights

OBJECTIVES = ("bpr", "dns", "default")
SHARES = (0, 0.2, 0.4, 0.6, 0.8)
WEIGHT = "weight of the corrupted branch"


@dataclass(frozen=True)
class CorruptionStudy(Study):
    """What happens when a growing share of the items' content is noise?

    The same items are hit whatever the objective, the seed and the kind, and a larger share adds to a smaller one. At 0
    the data set is as it is, with the faults of its own that it may have.
    """

    modality: str = "textual"
    """Whose content is corrupted."""
    kinds: tuple[str, ...] = ("swapped", "blanked", "filler")
    """How: swapped among the items, blanked, filler (unrelated vectors), or marketing (encoded sentences: needs `make
    encoders` and texts)."""

    name: ClassVar[str] = "corruption"
    asks: ClassVar[str] = "Does the method shrug off noise: content that is swapped, missing or says nothing?"
    x: ClassVar[str] = "share of corrupted items"
    drawn: ClassVar[tuple[str, ...]] = (RECALL, DEGENERATED, WEIGHT)

    def cells(self) -> Sequence[Cell]:
        """Every share of every kind for every objective; a share of 0 is the same run for all kinds."""
        return [
            Cell(
                f"{self.modality} {kind}",
                objective,
                share,
                ("--objective", objective, *self._corrupted(kind, share)),
            )
            for kind in self.kinds
            for share in self.ends(SHARES)
            for objective in OBJECTIVES
        ]

    def measure(self, run: FinishedRun) -> Mapping[str, float]:
        """Recall, degeneration and the weight of the corrupted branch."""
        return ranking_quality(run) | degeneration(run) | {WEIGHT: branch_weights(run)[self.modality]}

    def _corrupted(self, kind: str, share: float) -> tuple[str, ...]:
        return ("--corrupt", str(Corruption(self.modality, kind, share))) if share else ()
