"""What a study is: a question, the runs that answer it, and what is read from a finished run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

from brmrs_graph.errors import ConfigError
from experiments.settings import PLANTED
from experiments.study.finished import FinishedRun

QUICK = (
    *("--train.epochs", "2", "--feature-dim", "8", "--model.dim", "8", "--model.k", "5"),
    *("--loss.neighbors", "10"),
)
"""Options of the runs of ``--quick``: everything is gone through, nothing is learned."""

QUICK_PLANTED = (
    *("--planted.num-users", "60", "--planted.num-items", "80"),
    *("--planted.dim", "4", "--planted.positives", "10"),
)
"""Further ones for the planted data set."""


@dataclass(frozen=True)
class Cell:
    """Runs with the same options: one point of one line, in one panel.

    Args:
        panel: What the part of the figure shows; one name for all where there is one part.
        arm: What is compared: a line.
        x: Where the point is; names are put side by side.
        options: Options of ``experiments.run``, beside the data set.
    """

    panel: str
    arm: str
    x: float | str
    options: tuple[str, ...]

    @property
    def objective(self) -> str:
        """The objective of its runs; it has one look in all figures, whatever the arm is called."""
        return self.options[self.options.index("--objective") + 1] if "--objective" in self.options else ""


@dataclass(frozen=True)
class Reading:
    """What was read from a run, at one point of a panel.

    Args:
        panel: The panel.
        x: The point.
        values: Name of a quantity, as it heads a column or an axis -> value; NaN where it was not measured.
    """

    panel: str
    x: float | str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Study:
    """A question about the method, answered by runs; the fields are the options of its command.

    A study is a subclass: it names the cells and what is measured of their runs, and may add options.

    Attributes:
        name: Its name on the command line.
        asks: The question, in one sentence.
        x: What the x axis shows.
        drawn: Quantities that are drawn, one row of panels each; all of them are in the table.
        even: Whether numbers on the x axis are put at even distances, as for values such as 0, 0.1, 1.
    """

    dataset: str = "boutique"
    """Data set."""
    data_root: Path | None = None
    """Folder that holds the data set's folder."""
    seeds: int = 5
    """Number of seeds."""
    out: Path = Path("runs/compare")
    """Where runs are kept; those of experiments.compare and of other studies there are used as well."""
    results: Path | None = None
    """Folder for the table, the figure and the numbers (default: OUT)."""
    jobs: int | None = None
    """Runs at a time, one CPU thread each (default: as many as CPUs; on a cluster as GPUs, if it has any)."""
    ray: str = ""
    """Ray cluster that runs are spread over, HOST:PORT or auto (default: this machine)."""
    common: str = ""
    """Further options for every run, such as "--train.epochs 100"."""
    quick: bool = False
    """Goes through everything with tiny models, two epochs, two seeds at most and the ends of every axis alone."""

    name: ClassVar[str]
    asks: ClassVar[str]
    x: ClassVar[str]
    drawn: ClassVar[tuple[str, ...]]
    even: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Checks the ranges."""
        for option in ("seeds", "jobs"):
            if (value := getattr(self, option)) is not None and value < 1:
                raise ConfigError(f"{option} is {value}; it must be at least 1")

    def cells(self) -> Sequence[Cell]:
        """The runs, in the order of the table."""
        raise NotImplementedError

    def measure(self, run: FinishedRun) -> Mapping[str, float]:
        """Quantity -> value of one run, for studies that read one point from each."""
        raise NotImplementedError

    def read(self, cell: Cell, run: FinishedRun) -> Sequence[Reading]:
        """What one run of a cell says; a run may give points of several panels."""
        return [Reading(cell.panel, cell.x, self.measure(run))]

    def quantities(self) -> tuple[str, ...]:
        """The quantities that are drawn."""
        return self.drawn

    def axis(self, panel: str) -> str:
        """Label of the x axis of a panel."""
        return self.x

    def ends(self, values: Sequence[float]) -> tuple[float, ...]:
        """Values of an axis: all of them, or the ends if the study is to be quick."""
        return (values[0], values[-1]) if self.quick else tuple(values)

    @property
    def seed_list(self) -> tuple[int, ...]:
        """The seeds, counted from 1."""
        return tuple(range(1, (min(self.seeds, 2) if self.quick else self.seeds) + 1))

    def options(self, cell: Cell) -> tuple[str, ...]:
        """All options of a cell's runs, except seed and places."""
        quick = (*QUICK, *(QUICK_PLANTED if self.dataset == PLANTED else ())) if self.quick else ()
        return ("--dataset", self.dataset, *quick, *shlex.split(self.common), *cell.options)

    @property
    def title(self) -> str:
        """Name of the files."""
        return f"study-{self.name}-{self.dataset}{'-quick' if self.quick else ''}"

    @property
    def command(self) -> str:
        """The command that does this study, without what only says where things are and how many at a time."""
        words = ["python -m experiments.study", self.name]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("out", "results", "jobs", "ray") or (value == field.default and field.name != "dataset"):
                continue
            option = "--" + field.name.replace("_", "-")
            if value is True:
                words.append(option)
            else:
                parts = value if isinstance(value, tuple) else ("DIR" if field.name == "data_root" else value,)
                # An equals sign lets a value begin with dashes, as that of --common does.
                between = "=" if str(parts[0]).startswith("-") else " "
                words.append(f"{option}{between}{shlex.join(map(str, parts))}")
        return " ".join(words)


def require_planted(study: Study) -> None:
    """Checks that a study's data set is the planted one.

    Raises:
        ConfigError: If it is another.
    """
    if study.dataset != PLANTED:
        raise ConfigError(
            f"the study {study.name} needs to know which influence is behind a pair, which '{study.dataset}' does not "
            f"tell; use --dataset {PLANTED}"
        )
