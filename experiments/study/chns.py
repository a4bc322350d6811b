"""Whether cross-modal hard negatives are what they promise, and what training on them does to each branch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from brmrs_graph.branches import FUSED
from brmrs_graph.diagnosis import hard_margins
from experiments.study.base import Cell, Reading, Study
from experiments.study.finished import FinishedRun
from experiments.study.measures import RECALL, ranking_quality, value

OBJECTIVES = ("bpr", "dns", "self", "chns-graph", "default")
CONFUSED = "A is fooled (share Δ_A < 0)"
SEPARATED = "B is right (share Δ_B > 0)"
BOTH = "both at once (share)"
SOURCES = {"random": "random", "pool": "CHNS pool", "graph": "CHNS graph"}
CANDIDATES = 4
"""Candidates of each test pair, the same whatever the model was trained with."""


@dataclass(frozen=True)
class CHNS(Study):
    """Are cross-modal hard negatives hard in A and separable in B, and does each branch alone rank better with them?

    For test pairs, negatives are drawn as the samplers of training do, and the margins of both branches looked at: the
    share of negatives that A scores above the positive, and the share that B scores below it. Beside it stands the
    Recall@20 of every branch by itself. `bpr`, `dns` and `self` are controls.
    """

    name: ClassVar[str] = "chns"
    asks: ClassVar[str] = (
        "Are cross-modal hard negatives hard in A and separable in B, and does each branch alone rank better with them?"
    )
    x: ClassVar[str] = "negatives"
    drawn: ClassVar[tuple[str, ...]] = (CONFUSED, SEPARATED, RECALL)

    def cells(self) -> Sequence[Cell]:
        """One cell for each objective."""
        return [Cell("", objective, "", ("--objective", objective)) for objective in OBJECTIVES]

    def read(self, cell: Cell, run: FinishedRun) -> Sequence[Reading]:
        """The margins by direction and source of negatives, and the recall by branch."""
        measured = hard_margins(run.branches, run.data, candidates=CANDIDATES, neighbors=run.lookalikes)
        readings = []
        for (a, b), margins in measured.items():
            for source, label in SOURCES.items():
                shares = {CONFUSED: margins.confused, SEPARATED: margins.separated, BOTH: margins.both}
                values = {quantity: value(by_source[source]) for quantity, by_source in shares.items()}
                readings.append(Reading(f"A {a}, B {b}", label, values))
        quality = ranking_quality(run)
        for name in run.modalities:
            readings.append(Reading(ALONE, name, {RECALL: quality[f"{RECALL} {name}"]}))
        return [*readings, Reading(ALONE, FUSED, {RECALL: quality[RECALL]})]

    def axis(self, panel: str) -> str:
        """The source of negatives, or the branch."""
        return "branch" if panel == ALONE else self.x


ALONE = "ranked by one branch"
