"""Which kinds of information a model can use, on data where they are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from experiments.study.base import Cell, Reading, Study, require_planted
from experiments.study.finished import FinishedRun
from experiments.study.measures import RECALL, recall_by_influence

ARMS = {
    "concat-BPR": "bpr",
    "+ InfoNCE": "infonce",
    "+ orthogonality": "orthogonal",
    "+ DNS": "dns",
    "BR-MRS": "default",
}
"""Arm -> objective."""

LABELS = {
    "t": "only in text",
    "v": "only in picture",
    "r": "redundant",
    "c": "complementary",
    "s": "joint",
    "all": "all pairs",
}
"""Influence -> its name on the axis, in this order."""


@dataclass(frozen=True)
class InformationTypes(Study):
    """Which kinds of information does each objective recover?

    On the planted data every test pair is labelled with the influence that dominates it: unique to one modality,
    redundant, complementary (half in each, added up) or joint (an interaction). Recall@20 is given for each of these
    and for all pairs. `+ DNS` is a control: hard negatives without anything that is about two modalities.
    """

    dataset: str = "planted"
    """Data set, one whose influences are known."""

    name: ClassVar[str] = "information-types"
    asks: ClassVar[str] = "Which kinds of information does each objective recover?"
    x: ClassVar[str] = "influence that dominates the test pair"
    drawn: ClassVar[tuple[str, ...]] = (RECALL,)

    def __post_init__(self) -> None:
        """Checks that influences are known."""
        super().__post_init__()
        require_planted(self)

    def cells(self) -> Sequence[Cell]:
        """One cell for each objective."""
        return [Cell("", arm, "", ("--objective", objective)) for arm, objective in ARMS.items()]

    def read(self, cell: Cell, run: FinishedRun) -> Sequence[Reading]:
        """The recall by influence; influences that dominate no test pair are left out."""
        measured = recall_by_influence(run)
        return [Reading("types", label, {RECALL: measured[x]}) for x, label in LABELS.items() if x in measured]
