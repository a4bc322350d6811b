"""How figures look and how they are saved: readable in a column of a paper, in grey and by the colour-blind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

from brmrs_graph.files import write_bytes

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
VERMILLION, SKY, YELLOW, BLACK = "#D55E00", "#56B4E9", "#F0E442", "#000000"

PALETTE = (BLUE, ORANGE, GREEN, PURPLE, VERMILLION, SKY, BLACK, YELLOW)
"""Okabe and Ito's eight colours, told apart with any kind of colour vision; neighbours differ in lightness too."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""One marker for each colour of :data:`PALETTE`: colour is never the only thing that tells series apart."""

HATCHES = ("", "////", "||||", "xxxx", "\\\\\\\\", "----", "++++", "//")
"""One hatch for each colour of :data:`PALETTE`, for areas."""

GREY = "#6B6B6B"
"""For what is said in passing: reference lines, "not measured"."""

INKS = (*PALETTE[:-1], GREY)
"""The palette for lines and points: grey takes the place of yellow, which is too faint on white."""

COLUMN = 3.4
"""Width of one column of a paper, in inches."""

PAGE = 7.0
"""Width of both columns, in inches."""

_SETTINGS: dict[str, Any] = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib; an SVG falls back on any sans-serif
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "figure.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "errorbar.capsize": 2,
    "hatch.linewidth": 0.5,
    "savefig.dpi": 200,
    "savefig.facecolor": "white",
    "text.parse_math": False,  # a model may be called a$b
    "svg.fonttype": "none",
    "svg.hashsalt": "brmrs-graph",  # the same figure gives the same ids
    "pdf.fonttype": 42,
}


@contextmanager
def style() -> Iterator[None]:
    """The style of the project's figures; works as a decorator of a function that draws one as well.

    It starts from matplotlib's defaults, not from the settings of whoever runs it, so that figures are the same
    everywhere, and undoes itself.

    Example:
        >>> from matplotlib.figure import Figure
        >>> with style():
        ...     figure = Figure(figsize=(COLUMN, 2), layout="constrained")
        ...     figure.subplots().plot([1, 2], color=PALETTE[0], marker=MARKERS[0])
        >>> save(figure, Path("runs/figure"))  # figure.png and figure.svg
    """
    with matplotlib.style.context(_SETTINGS, after_reset=True):
        yield


def save(figure: Figure, path: Path) -> tuple[Path, Path]:
    """Writes a figure as PNG (200 dpi) and SVG, without dates: the same figure gives the same bytes.

    Args:
        figure: The figure.
        path: The file without suffix; ``.png`` and ``.svg`` are added. Its folder is made.

    Returns:
        The two files, PNG first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    png, svg = path.with_name(f"{path.name}.png"), path.with_name(f"{path.name}.svg")
    write_bytes(png, _rendered(figure, "png", {"Software": None}))
    write_bytes(svg, _rendered(figure, "svg", {"Date": None, "Creator": None}))
    return png, svg


@style()
def _rendered(figure: Figure, kind: str, metadata: dict[str, None]) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format=kind, metadata=metadata)
    return buffer.getvalue()
