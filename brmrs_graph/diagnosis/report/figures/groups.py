"""Figures of measures by group: of users and items by degree, of test pairs by information type."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from brmrs_graph.diagnosis.report.figures.axes import (
    LineStyle,
    bar,
    canvas,
    fit,
    label,
    lanes,
    legend,
    mark,
    patch,
    title,
)
from brmrs_graph.diagnosis.report.numbers import METRIC, NOT_MEASURED, Json, measured
from brmrs_graph.diagnosis.report.style import BLACK, GREY, HATCHES, INKS, MARKERS, PALETTE, style
from brmrs_graph.evaluation import Estimate

_LINES: tuple[LineStyle, ...] = ("-", "--", "-.", ":")


def degree_measures(diagnosis: Json) -> list[tuple[str, str]]:
    """The (part, measure) that any model has by degree, in order."""
    found = (
        (part, measure)
        for model in diagnosis["models"]
        for part in ("by_user_degree", "by_item_degree")
        for measure, bins in (model.get(part) or {}).items()
        if bins
    )
    return list(dict.fromkeys(found))


def groups(diagnosis: Json, *path: str) -> list[str]:
    """The groups that any model has at a path, in order of first appearance."""
    names: dict[str, None] = {}
    for model in diagnosis["models"]:
        part = model
        for key in path:
            part = (part or {}).get(key)
        names |= dict.fromkeys(part or {})
    return list(names)


@style()
def degree(diagnosis: Json) -> Figure:
    """Every measure that is known by degree, one panel each, one line a model."""
    models, measures = diagnosis["models"], degree_measures(diagnosis)
    rows = (len(measures) + 1) // 2
    figure = canvas(rows, 1.3)
    panels = list(figure.subplots(rows, 2, squeeze=False).flat)
    for ax, (part, measure) in zip(panels, measures, strict=False):
        of = "user" if part == "by_user_degree" else "item"
        title(ax, f"{measure.replace('_', ' ')}, by {of} degree", 3.0)
        bins = groups(diagnosis, part, measure)
        for i, model in enumerate(models):
            shift = 0.5 * ((i + 0.5) / len(models) - 0.5)
            _line(ax, [measured(model, part, measure, name) for name in bins], i, shift)
        if not any(measured(model, part, measure, name) for model in models for name in bins):
            ax.text(0.5, 0.5, NOT_MEASURED, ha="center", va="center", color=GREY, transform=ax.transAxes)
            ax.set_yticks([])
            continue
        ax.set_xticks(range(len(bins)), [label(name, 9) for name in bins])
        ax.set_xlim(-0.5, len(bins) - 0.5)
        low, high = ax.get_ylim()
        ax.set_ylim(low := min(0.0, low), high + 0.05 * (high - low))  # markers at the top are whole
        ax.set_xlabel(f"training interactions of the {of}")
        ax.set_ylabel("%")
        ax.grid(axis="y")
    for ax in panels[len(measures) :]:
        ax.set_axis_off()
    entries = [mark(*_look(i), label(m["name"], 24, 1), _LINES[i % len(_LINES)]) for i, m in enumerate(models)]
    legend(figure, entries)
    return fit(figure, 1.3, rows)


def _look(i: int) -> tuple[str, str]:
    return INKS[i % len(INKS)], MARKERS[i % len(MARKERS)]


def _line(ax: Axes, values: list[Estimate | None], i: int, shift: float) -> None:
    """One model's values by bin, in %; bins that were not measured are left out."""
    color, marker = _look(i)
    shown = [(x + shift, e) for x, e in enumerate(values) if e is not None]
    at, y = [x for x, _ in shown], np.array([e.value for _, e in shown]) * 100
    ends = np.array([(e.low, e.high) for _, e in shown]).reshape(-1, 2) * 100
    ax.vlines(at, ends[:, 0], ends[:, 1], color=color, linewidth=0.9)
    ax.plot(
        at,
        y,
        color=color,
        marker=marker,
        linestyle=_LINES[i % len(_LINES)],
        linewidth=0.9,
        markeredgecolor=BLACK,
        markeredgewidth=0.4,
    )


@style()
def types(diagnosis: Json) -> Figure:
    """Recall@k of the fused ranking by the kind of information that dominates a test pair; one bar a model."""
    models, kinds = diagnosis["models"], groups(diagnosis, "by_type")
    at = lanes(len(models))
    figure = canvas(1, inches := len(kinds) * (0.15 + 0.15 * len(models)))
    ax = figure.subplots()
    for row, kind in enumerate(kinds):
        for i, model in enumerate(models):
            x = measured(model, "by_type", kind)
            bar(ax, row + at[i], x, METRIC, 0.8 / len(models), PALETTE[i % len(PALETTE)], HATCHES[i % len(HATCHES)])
    ax.set_yticks(range(len(kinds)), [label(kind, 22) for kind in kinds])
    ax.set_ylim(len(kinds) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x")
    ax.set_xlabel(f"Recall@{diagnosis['k']} of the fused ranking (test), 95 % intervals")
    entries = [
        patch(PALETTE[i % len(PALETTE)], HATCHES[i % len(HATCHES)], label(model["name"], 24, 1))
        for i, model in enumerate(models)
    ]
    legend(figure, entries)
    return fit(figure, inches)
