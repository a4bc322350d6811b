"""How much the method depends on its own parameters, one at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from experiments.study.base import Cell, Study
from experiments.study.finished import FinishedRun
from experiments.study.measures import DEGENERATED, RECALL, degeneration, partition, ranking_quality

VALID = "validation Recall@20"

AXES: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "λ_h, cross-modal hard negatives": ("--loss.chns", (0, 0.1, 0.3, 1, 3)),
    "λ_s, synergy": ("--loss.synergy", (0, 0.1, 0.3, 1, 3)),
    "θ, margin of synergy": ("--loss.theta", (0, 0.1, 0.3, 1)),
    "M, candidates per pair": ("--loss.pool", (1, 2, 4, 8, 16)),
}
"""Label of a parameter -> its option and values."""


@dataclass(frozen=True)
class Sensitivity(Study):
    """How much do the results depend on λ_h, λ_s, θ and the pool size M?

    One parameter is changed at a time, all others stay as in the objective `default`. The pool also serves the control
    `dns`, which is shown beside it. Parameters are to be chosen by the validation column.
    """

    name: ClassVar[str] = "sensitivity"
    asks: ClassVar[str] = "How much do the results depend on λ_h, λ_s, θ and the pool size M?"
    x: ClassVar[str] = "value"
    drawn: ClassVar[tuple[str, ...]] = (RECALL, DEGENERATED)
    even: ClassVar[bool] = True

    def cells(self) -> Sequence[Cell]:
        """One line of `default` for each parameter, and one of `dns` over the pool."""
        cells = [
            Cell(panel, "default", x, ("--objective", "default", option, f"{x:g}"))
            for panel, (option, values) in AXES.items()
            for x in self.ends(values)
        ]
        panel, (option, values) = list(AXES.items())[-1]
        cells += [Cell(panel, "dns", x, ("--objective", "dns", option, f"{x:g}")) for x in self.ends(values)]
        return cells

    def measure(self, run: FinishedRun) -> Mapping[str, float]:
        """Recall at validation and at test, degeneration, and the cells of the partition."""
        valid = {VALID: run.metrics["valid"]["recall@20"]}
        return valid | ranking_quality(run) | degeneration(run) | partition(run)

    def axis(self, panel: str) -> str:
        """The parameter."""
        return panel
