"""The figure of the partial information decomposition."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from brmrs_graph.diagnosis.report.figures.axes import (
    canvas,
    fit,
    lanes,
    legend,
    model_rows,
    not_measured,
    patch,
    point,
    whisker,
)
from brmrs_graph.diagnosis.report.numbers import BITS, RATIO, Json, entry_of, measured
from brmrs_graph.diagnosis.report.style import BLACK, GREEN, GREY, HATCHES, MARKERS, ORANGE, PURPLE, SKY, style

LOOKS = {
    "redundancy": (SKY, HATCHES[0], MARKERS[0]),
    "unique_first": (ORANGE, HATCHES[1], MARKERS[1]),
    "unique_second": (GREEN, HATCHES[2], MARKERS[2]),
    "synergy": (PURPLE, HATCHES[3], MARKERS[3]),
}


def pairs_of(diagnosis: Json) -> list[tuple[str, str]]:
    """The pairs of modalities whose information was decomposed in any model, in order."""
    entries = (entry for model in diagnosis["models"] for entry in model.get("information") or ())
    return list(dict.fromkeys((entry["first"], entry["second"]) for entry in entries))


@style()
def information(diagnosis: Json) -> Figure:
    """The atoms stacked, the same with intervals, and utilisation; one row of panels for each pair of modalities."""
    models, pairs = diagnosis["models"], pairs_of(diagnosis)
    figure = canvas(len(pairs), inches := 0.58 * len(models))
    panels = figure.subplots(len(pairs), 3, sharey=True, squeeze=False, width_ratios=[1.15, 1, 0.75])
    for number, (row, pair) in enumerate(zip(panels, pairs, strict=True)):
        prefix = f"{pair[0]} + {pair[1]}:\n" if len(pairs) > 1 else ""
        for ax, text in zip(row, (f"{prefix}all of it (bits)", "its parts (bits)", "utilisation"), strict=True):
            ax.set_title(text, loc="left")
            model_rows(ax, diagnosis)
        for y, model in enumerate(models):
            _atoms(row[0], row[1], y, entry_of(model, "information", first=pair[0], second=pair[1]))
            if number == 0:
                point(row[2], y, measured(model, "utilisation"), RATIO, BLACK, MARKERS[0])
        row[1].axvline(0, color=GREY, linewidth=0.8)
        if number == 0:
            row[2].axvline(1, color=GREY, linewidth=0.8, linestyle="--")
            row[2].set_xlim(left=0)
        else:
            row[2].set_visible(False)
    first, second = pairs[0] if len(pairs) == 1 else ("the first", "the second")
    words = ("in both (redundant)", f"in {first} only", f"in {second} only", "in neither alone (synergistic)")
    legend(figure, [patch(*look[:2], word) for look, word in zip(LOOKS.values(), words, strict=True)])
    return fit(figure, inches, len(pairs))


def _atoms(stacked: Axes, apart: Axes, y: int, entry: Json | None) -> None:
    """One model: its atoms as a bar in the one axes, as points with intervals in the other."""
    if entry is None:
        not_measured(stacked, y)
        return not_measured(apart, y)
    ends = {1: 0.0, -1: 0.0}  # positive atoms are stacked to the right of 0, negative ones to the left
    for offset, (atom, (color, hatch, marker)) in zip(lanes(len(LOOKS)), LOOKS.items(), strict=True):
        x = measured(entry, atom)
        point(apart, y + offset, x, BITS, color, marker)
        if x is not None:
            side = 1 if x.value >= 0 else -1
            stacked.barh(y, x.value, 0.5, left=ends[side], color=color, hatch=hatch, edgecolor=BLACK, linewidth=0.4)
            ends[side] += x.value
    total = measured(entry, "total")
    if total is None:
        not_measured(stacked, y, at=ends[1])
    else:
        whisker(stacked, y, total, BITS, ends[1])
