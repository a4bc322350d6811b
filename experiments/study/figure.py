"""The figure of a study: a row of panels for each quantity, a line for each arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from brmrs_graph.diagnosis.report.style import COLUMN, MARKERS, PAGE, PALETTE, style

OBJECTIVES = ("bpr", "dns", "default", "self", "chns-graph", "infonce", "orthogonal", "paper")
"""Objectives that look the same in all figures: numbers of colours, markers and dashes."""

DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)), (0, (3, 3)))
HEIGHT = 1.55  # of one row of panels, in inches
LABEL_WIDTH = 20  # characters in a line of a y label
SPREAD = 0.16  # distance between arms that stand side by side


@style()
def draw(results: Mapping[str, Any]) -> Figure:
    """Draws the study; points are means, bars standard deviations over seeds.

    Arms differ in colour, marker and dashes. Points at numbers are joined; points at names stand side by side.
    """
    arms = _looks(results["arms"])
    shown = [(quantity, _panels(results, quantity)) for quantity in results["drawn"]]
    columns = max(len(panels) for _, panels in shown)
    narrow = columns == 1 and not _many_names(results)
    figure = Figure(figsize=(COLUMN if narrow else PAGE, HEIGHT * len(shown) + 0.6), layout="constrained")
    grid = figure.add_gridspec(len(shown), columns)
    titled: set[str] = set()
    lines: dict[str, ErrorbarContainer] = {}
    for number, (quantity, panels) in enumerate(shown):
        left: Axes | None = None
        last = number + 1 == len(shown) or shown[number + 1][1] != panels  # the next row has another x axis
        for column, panel in enumerate(panels):
            span = columns // len(panels)
            axis = figure.add_subplot(grid[number, column * span : (column + 1) * span], sharey=left)
            rows = [row for row in results["rows"] if row["panel"] == panel and quantity in row["values"]]
            lines |= _panel(axis, rows, arms, quantity, results["even"])
            label = results["panels"][panel]
            if len(panels) > 1 and panel not in (label, *titled):
                axis.set_title(panel)
                titled.add(panel)
            axis.set_xlabel(fill(label, (40 if narrow else 80) // len(panels)) if last else "")
            axis.tick_params(labelbottom=last, labelleft=left is None)
            left = left or axis
        if left is not None:
            left.set_ylabel(fill(quantity, LABEL_WIDTH))
    if len(lines) > 1:
        handles = {arm: lines[arm] for arm in arms if arm in lines}
        places = min(len(handles), 3 if narrow else 6)
        figure.legend(list(handles.values()), list(handles), loc="outside upper center", ncols=places)
    return figure


def _looks(arms: Mapping[str, str]) -> dict[str, int]:
    """Arm -> number of its colour, marker and dashes: those of its objective, if each arm has one of its own."""
    known = [OBJECTIVES.index(objective) if objective in OBJECTIVES else -1 for objective in arms.values()]
    clash = -1 in known or len(set(known)) < len(known)
    return dict(zip(arms, range(len(arms)) if clash else known, strict=True))


def _panels(results: Mapping[str, Any], quantity: str) -> list[str]:
    return list(dict.fromkeys(row["panel"] for row in results["rows"] if quantity in row["values"]))


def _panel(
    axis: Axes, rows: Sequence[Mapping[str, Any]], arms: Mapping[str, int], quantity: str, even: bool
) -> dict[str, ErrorbarContainer]:
    lines = {}
    ticks = list(dict.fromkeys(row["x"] for row in rows))
    numbers = all(isinstance(x, int | float) for x in ticks)
    place = {x: float(x) if numbers and not even else float(number) for number, x in enumerate(ticks)}
    here = [arm for arm in arms if any(row["arm"] == arm for row in rows)]
    for arm, look in arms.items():
        points = [row for row in rows if row["arm"] == arm and row["values"][quantity]["mean"] is not None]
        if not points:
            continue
        x = np.array([place[row["x"]] for row in points])
        if not numbers:
            x = x + SPREAD * (here.index(arm) - (len(here) - 1) / 2)
        lines[arm] = axis.errorbar(
            x,
            [row["values"][quantity]["mean"] for row in points],
            yerr=[row["values"][quantity]["std"] or 0 for row in points],
            color=PALETTE[look % len(PALETTE)],
            marker=MARKERS[look % len(MARKERS)],
            linestyle=DASHES[look % len(DASHES)] if numbers else "none",
            elinewidth=0.8,
        )
    if not numbers or even:
        axis.set_xticks(list(place.values()), [f"{x:g}" if numbers else str(x).replace(" ", "\n") for x in ticks])
    if not numbers:
        axis.set_xlim(-0.6, len(ticks) - 0.4)
    axis.yaxis.set_major_locator(MaxNLocator(4))
    axis.grid(axis="y")
    return lines


def _many_names(results: Mapping[str, Any]) -> bool:
    names = {row["x"] for row in results["rows"] if isinstance(row["x"], str)}
    return len(names) > 3
