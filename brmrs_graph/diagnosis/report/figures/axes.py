"""What the figures share: rows of models, bars and points with intervals and values, room for labels."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator

from brmrs_graph.diagnosis.report.numbers import NOT_MEASURED, Json, Unit
from brmrs_graph.diagnosis.report.style import BLACK, GREY, PAGE
from brmrs_graph.evaluation import Estimate
from brmrs_graph.texts import tidy

LineStyle = Literal["-", "--", "-.", ":"]
_CHARACTER = 0.074  # mean width of a character at 8 pt, in inches


def label(name: str, width: int = 16, lines: int = 2) -> str:
    """A name on at most ``lines`` lines of ``width`` characters; what is too long loses its middle."""
    name = tidy(name)
    if len(name) > (room := width * lines - lines):
        name = f"{name[: room // 2]}\u2026{name[len(name) - room // 2 + 1 :]}"
    broken = textwrap.wrap(name, width)
    if len(broken) > lines:  # breaks between words leave too much room: break anywhere
        broken = textwrap.wrap(name.replace(" ", "\u00a0"), width, break_on_hyphens=False)
    return "\n".join(broken)


def title(ax: Axes, text: str, inches: float) -> None:
    """A title over an axes, broken where it is wider than ``inches``."""
    ax.set_title("\n".join(textwrap.wrap(text, max(10, int(inches / _CHARACTER / 1.06)))), loc="left")


def model_rows(ax: Axes, diagnosis: Json) -> None:
    """One row for each model, the first on top; y = 0, 1, … are their middles."""
    names = [label(model["name"]) for model in diagnosis["models"]]
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x")
    ax.locator_params(axis="x", nbins=5)
    for y in np.arange(0.5, len(names) - 1):
        ax.axhline(y, color="#DDDDDD", linewidth=0.5, zorder=0)


def lanes(count: int, band: float = 0.84) -> list[float]:
    """Offsets of ``count`` lanes in a row, from its top."""
    return [band * ((i + 0.5) / count - 0.5) for i in range(count)]


def bar(ax: Axes, y: float, x: Estimate | None, unit: Unit, height: float, color: str, hatch: str = "") -> None:
    """A horizontal bar from 0 with its interval and its value; None is written out as "not measured".

    Args:
        ax: Where to draw.
        y: Middle of the bar.
        x: The value.
        unit: How it is scaled and written.
        height: Thickness, in rows.
        color: Fill.
        hatch: Hatch.
    """
    if x is None:
        return not_measured(ax, y)
    ax.barh(y, x.value * unit.scale, height, color=color, hatch=hatch, edgecolor=BLACK, linewidth=0.4)
    whisker(ax, y, x, unit)


def whisker(ax: Axes, y: float, x: Estimate, unit: Unit, end: float = 0.0) -> None:
    """The interval and the value of a bar; the value stands to the right of both and of ``end``."""
    _interval(ax, y, x.low * unit.scale, x.high * unit.scale, BLACK, [withStroke(linewidth=2.2, foreground="white")])
    _write(ax, max(_right(x), end) * unit.scale, y, unit.number(x.value))


def point(
    ax: Axes,
    y: float,
    x: Estimate | None,
    unit: Unit,
    color: str,
    marker: str,
    *,
    name: str = "",
    limits: tuple[float, float] = (-math.inf, math.inf),
) -> None:
    """A point with its interval and its value; None is written out as "not measured".

    Args:
        ax: Where to draw.
        y: Its row.
        x: The value.
        unit: How it is scaled and written.
        color: Fill.
        marker: Marker.
        name: Written before the value.
        limits: What lies beyond these becomes an arrow at the limit; the value is written all the same.
    """
    if x is None:
        return not_measured(ax, y, name)
    low, value, high, right = (min(max(end, limits[0]), limits[1]) for end in (x.low, x.value, x.high, _right(x)))
    marker = "<" if x.value < value else ">" if x.value > value else marker
    _interval(ax, y, low * unit.scale, high * unit.scale, color)
    ax.plot(
        value * unit.scale, y, marker, color=color, markeredgecolor=BLACK, markeredgewidth=0.4, zorder=4, clip_on=False
    )
    _write(ax, right * unit.scale, y, f"{name} {unit.number(x.value)}".strip())


def not_measured(ax: Axes, y: float, name: str = "", at: float = 0.0) -> None:
    """Says in words, to the right of x = ``at``, that there is no value."""
    _write(ax, at, y, f"{name} {NOT_MEASURED}".strip(), GREY)


def _right(x: Estimate) -> float:
    return x.value if math.isnan(x.high) else max(x.high, x.value)


def _interval(
    ax: Axes, y: float, low: float, high: float, color: str, effects: Sequence[AbstractPathEffect] = ()
) -> None:
    if not (math.isnan(low) or math.isnan(high)):
        (line,) = ax.plot(
            [low, high], [y, y], "|-", color=color, linewidth=1, markersize=4, markeredgewidth=1, zorder=3
        )
        line.set_path_effects(list(effects))


def _write(ax: Axes, x: float, y: float, text: str, color: str = BLACK) -> None:
    ax.annotate(
        text,
        (x, y),
        (4, 0),
        textcoords="offset points",
        va="center",
        color=color,
        fontsize=7.5,
        annotation_clip=False,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},  # lines behind it end before the text
        zorder=2.5,
    )


def legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """A legend under all axes, in as many columns as fit into the figure's width."""
    widths = [len(str(handle.get_label())) * _CHARACTER + 0.5 for handle in handles]
    for rows in range(1, len(widths) + 1):  # filled column by column, each as wide as its longest entry
        if sum(max(widths[i : i + rows]) for i in range(0, len(widths), rows)) <= figure.get_figwidth():
            break
    columns = math.ceil(len(widths) / rows)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=1.8, columnspacing=1.0)


def patch(color: str, hatch: str, text: str) -> Patch:
    """A legend entry for a bar."""
    return Patch(facecolor=color, hatch=hatch, edgecolor=BLACK, linewidth=0.4, label=text)


def mark(color: str, marker: str, text: str, linestyle: LineStyle = "-") -> Line2D:
    """A legend entry for a point with its interval, or for a line."""
    return Line2D(
        [], [], color=color, marker=marker, linestyle=linestyle, markeredgecolor=BLACK, markeredgewidth=0.4, label=text
    )


def canvas(rows: int, inches: float) -> Figure:
    """An empty figure of a page's width, with more room than ``rows`` rows of axes need; see :func:`fit`."""
    return Figure(figsize=(PAGE, 3 + rows * (inches + 1)), layout="constrained")


def fit(figure: Figure, inches: float, rows: int = 1) -> Figure:
    """Finishes a figure: axes get their height, and grow to the right until all values written in them fit.

    Args:
        figure: The figure.
        inches: Height of every axes, whatever titles and legend take.
        rows: Rows of axes.
    """
    _lay_out(figure)
    height = figure.axes[0].get_window_extent().height / figure.dpi
    figure.set_figheight(figure.get_figheight() + rows * (inches - height))
    _lay_out(figure)
    for ax in figure.axes:
        low, high = ax.get_xlim()
        if not (ax.patches or any(x.get_transform() == ax.transData and np.size(x.get_xydata()) for x in ax.lines)):
            low, high = max(low, -0.02), max(high, 1.0)  # there is nothing but words, which begin at 0
            ax.grid(visible=False)
            if not isinstance(ax.xaxis.get_major_locator(), FixedLocator):
                ax.tick_params(axis="x", bottom=False, labelbottom=False)
        width = ax.get_window_extent().width
        for text in ax.texts:
            if isinstance(text, Annotation) and text.xycoords == "data":
                needed = text.get_window_extent().width + figure.dpi * 6 / 72
                high = max(high, low + (float(text.xy[0]) - low) * width / max(width - needed, 1.0))
        ax.set_xlim(low, high)
    _lay_out(figure)
    figure.set_layout_engine("none")  # keeps the places, which saving need not work out again for every format
    return figure


def _lay_out(figure: Figure) -> None:
    """Puts everything in its place, so that sizes are known."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
