"""The figure of the benchmark: ratios as bars, growth as lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from matplotlib.axis import Axis
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from brmrs_graph.diagnosis.report.style import BLUE, GREY, INKS, MARKERS, ORANGE, PAGE, style
from experiments.benchmark.machine import measured_on

ROW = 0.19
"""Height of a bar, in inches."""

LINES = 3.0
"""Height of the panels of growth, in inches."""


@style()
def draw(parts: Mapping[str, Mapping[str, Any]]) -> Figure | None:
    """Draws what takes longer than ours and by how much, and how time and memory grow.

    A bar begins at 1, where ours is, and ends at the median over rounds; its line goes from the lower to the upper
    quartile. What has a bar to the left is faster than ours: bounds mostly, which do less work.

    Args:
        parts: Name -> figures, with what they were measured on.

    Returns:
        The figure; None where neither ratios nor growth were measured.
    """
    bars = _bars(parts)
    growth = parts.get("growth", {}).get("rows", {})
    growth = {name: row for name, row in growth.items() if "seconds" in row}
    heights = [0.7 + ROW * len(bars)] * bool(bars) + [LINES] * bool(growth)
    if not heights:
        return None
    figure = Figure(figsize=(PAGE, sum(heights)), layout="constrained")
    panels = figure.subfigures(len(heights), height_ratios=heights, squeeze=False)[:, 0]
    if bars:
        _draw_bars(panels[0], bars, _where(part for part in parts.values() if "comparisons" in part))
    if growth:
        _draw_growth(panels[-1], growth, _where([parts["growth"]]))
    return figure


def _bars(parts: Mapping[str, Any]) -> dict[str, Mapping[str, float]]:
    """Label -> ratio to ours, in the order of the parts."""
    return {
        f"{part}, {title}: {name}": ratio
        for part, figures in parts.items()
        for title, comparison in figures.get("comparisons", {}).items()
        for name, ratio in comparison["ratios"].items()
    }


def _draw_bars(panel: SubFigure, bars: Mapping[str, Mapping[str, float]], where: str) -> None:
    axis = panel.subplots()
    for row, ratio in enumerate(bars.values()):
        median = ratio["median"]
        axis.barh(row, median - 1, left=1, height=0.7, color=BLUE if median >= 1 else ORANGE)
        axis.plot([ratio["low"], ratio["high"]], [row, row], color="black", linewidth=0.8, marker="|", markersize=4)
        axis.annotate(
            f"{median:.2f}" if median < 10 else f"{median:.0f}",
            (max(ratio["high"], 1), row),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
        )
    axis.set_xscale("log")
    _plain_numbers(axis.xaxis)
    axis.axvline(1, color=GREY, linewidth=0.8)
    axis.set_yticks(range(len(bars)), list(bars))
    axis.set_ylim(len(bars) - 0.4, -0.6)
    axis.margins(x=0.08)
    axis.grid(axis="x")
    panel.supxlabel(f"time over ours, median and quartiles; {where}", fontsize=8)


def _draw_growth(panel: SubFigure, growth: Mapping[str, Any], where: str) -> None:
    pairs = [row["pairs"] for row in growth.values()]
    axes = panel.subplots(1, 2)
    for axis, key, label in zip(axes, ("seconds", "peak_gib"), ("seconds", "peak memory, GiB"), strict=True):
        for number, stage in enumerate(next(iter(growth.values()))[key]):
            values = [row[key][stage] for row in growth.values()]
            if None not in values:
                axis.plot(pairs, values, color=INKS[number], marker=MARKERS[number], label=stage)
        axis.set_xscale("log")
        labels = [f"{name}, {row['pairs']:,}" for name, row in growth.items()]
        axis.set_xticks(pairs, labels, fontsize=6.5, rotation=20, ha="right", rotation_mode="anchor")
        axis.set_xticks([], minor=True)
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        _plain_numbers(axis.yaxis)
        axis.set_ylabel(label)
        axis.grid(axis="both")
    panel.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
    panel.supxlabel(f"size and training pairs, {where}", fontsize=8)


def _plain_numbers(axis: Axis) -> None:
    """0.01, 1, 100 at the large ticks of a logarithmic axis, nothing at the small ones."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _where(parts: Iterable[Mapping[str, Any]]) -> str:
    """What parts were measured on; several lines where it was not the same."""
    return "\n".join(dict.fromkeys(map(measured_on, parts)))
