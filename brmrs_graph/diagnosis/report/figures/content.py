"""Figures of look-alikes: where complementarity failure lies between its controls, and the margins to negatives."""

from __future__ import annotations

import math
import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from brmrs_graph.diagnosis.report.figures.axes import (
    canvas,
    fit,
    label,
    lanes,
    legend,
    mark,
    model_rows,
    not_measured,
    patch,
    point,
    title,
)
from brmrs_graph.diagnosis.report.numbers import NOT_MEASURED, PERCENT, RATIO, Json, entry_of, measured
from brmrs_graph.diagnosis.report.style import BLACK, BLUE, GREY, HATCHES, MARKERS, VERMILLION, style

_SHOWN = (-0.75, 1.75)  # what lies beyond becomes an arrow: where far and close hardly differ, positions run off


def directions(diagnosis: Json, part: str) -> list[tuple[str, str]]:
    """The ordered pairs (confused, right) in a part of any model, in order."""
    found = ((entry["confused"], entry["right"]) for model in diagnosis["models"] for entry in model.get(part) or ())
    return list(dict.fromkeys(found))


@style()
def complementarity(diagnosis: Json) -> Figure:
    """Look-alikes between items far (0) and close in both (1), and the failure proper; one row a direction."""
    models, pairs = diagnosis["models"], directions(diagnosis, "complementarity")
    figure = canvas(len(pairs), inches := 0.4 * len(models))
    failures = {
        "rate": (VERMILLION, MARKERS[1], "fused", "failure proper of the fused score"),
        "of_sum": (BLACK, "D", "sum", "failure proper of the plain sum of both scores"),
    }
    for (left, right), (a, b) in zip(figure.subplots(len(pairs), 2, sharey=True, squeeze=False), pairs, strict=True):
        title(left, f"{a} confuses, {b} separates", 2.8)
        title(right, f"where {a} is fooled and {b} is right", 2.8)
        model_rows(left, diagnosis)
        model_rows(right, diagnosis)
        for row, model in enumerate(models):
            entry = entry_of(model, "complementarity", confused=a, right=b)
            position = measured(entry, "content", "position")
            if position is None:
                not_measured(left, row)
            else:
                point(left, row, position, RATIO, BLUE, MARKERS[0], limits=_SHOWN)
            for offset, (kind, (color, marker, name, _)) in zip(lanes(2), failures.items(), strict=True):
                rate = measured(entry, "failure", kind)
                if rate is None:
                    not_measured(right, row + offset, f"{name}:")
                else:
                    point(right, row + offset, rate, PERCENT, color, marker)
        for end in (0, 1):
            left.axvline(end, color=GREY, linewidth=0.8, linestyle="--", zorder=1)
        left.set_xticks([0, 0.5, 1], ["0\nfar in both", "0.5", "1\nclose in both"])
        left.set_xlim(min(-0.1, left.dataLim.x0 - 0.05), max(1.1, left.dataLim.x1 + 0.05))
        right.set_xlim(left=0)
        right.set_xlabel("% in which fusing follows the wrong one")
    marks = [(BLUE, MARKERS[0], "all look-alikes"), *((*look[:2], look[3]) for look in failures.values())]
    legend(figure, [mark(*look) for look in marks])
    return fit(figure, inches, len(pairs))


@style()
def margins(diagnosis: Json) -> Figure:
    """Margins of liked items over CHNS and over random negatives, in the confused modality and in the right one."""
    models, pairs = diagnosis["models"], directions(diagnosis, "margins")
    rows, beside = math.ceil(len(pairs) / 2), min(len(pairs), 2)
    figure = canvas(rows * len(models), 0.42)
    blocks = figure.subfigures(rows, beside, squeeze=False).flat
    for block, pair in zip(blocks, pairs, strict=False):
        block.suptitle("\n".join(textwrap.wrap(f"{pair[0]} confuses, {pair[1]} separates", 34)))
        panels = block.subplots(len(models), 2, sharex=True, squeeze=False)
        for model, row in zip(models, panels, strict=True):
            entry = entry_of(model, "margins", confused=pair[0], right=pair[1])
            for ax, side, share in zip(row, ("confused", "right"), ("confused_share", "separated_share"), strict=True):
                _histograms(ax, entry, side, share)
            row[0].set_ylabel(label(model["name"], 11), rotation=0, ha="right", va="center")
        for ax, name in zip(panels[-1], pair, strict=True):
            ax.set_xlabel(f"margin in\n{label(name, 16, 1)}")
    entries = [
        Line2D([], [], color=BLUE, linewidth=1.4, label="CHNS negatives"),
        patch("#DDDDDD", HATCHES[1], "random negatives"),
    ]
    legend(figure, entries)
    return fit(figure, 0.42, rows * len(models))


def _histograms(ax: Axes, entry: Json | None, side: str, share: str) -> None:
    """Both distributions of one modality's margins, and the share that counts there."""
    word = {"confused": "< 0", "right": "> 0"}[side]
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    if entry is None:
        ax.set_title(NOT_MEASURED, loc="left", fontsize=7, color=GREY)
        ax.set_xticks([])
        return
    edges = np.asarray(entry["edges"], dtype=float)
    lines = []
    for kind, name in (("random", "random"), ("chns", "CHNS")):
        counts = np.asarray((entry.get(kind) or {}).get(f"histogram_{side}", ()), dtype=float)
        density = counts / max(counts.sum(), 1) / np.diff(edges) if counts.size else None
        if density is None:
            ax.set_xlim(edges[0], edges[-1])
        elif kind == "random":
            ax.stairs(density, edges, fill=True, color="#DDDDDD", hatch=HATCHES[1], edgecolor=GREY, linewidth=0.6)
        else:
            ax.stairs(density, edges, color=BLUE, linewidth=1.4)
        lines.append(f"{name} {PERCENT.value(x.value) if (x := measured(entry, kind, share)) else NOT_MEASURED}")
    ax.axvline(0, color=BLACK, linewidth=0.6)
    ax.set_ylim(bottom=0)
    ax.set_title(f"{word}: {lines[1]}\n{lines[0]}", loc="left", fontsize=7)
