"""The chart of a comparison: how good every arm is, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from brmrs_graph.diagnosis.report.style import BLUE, GREY, PAGE, VERMILLION, style
from experiments.comparison.labels import PLACES, fewer, place, seeds

ROW = 0.17
"""Height of an arm, in inches."""


@style()
def draw(results: Mapping[str, Any]) -> Figure:
    """Draws test Recall@20 by arm, the best first, and the time that training and validation took.

    Bars are standard deviations over seeds. The reference has a colour and a marker of its own. Times on a CPU and on a
    GPU do not compare: each has a panel of its own.
    """
    arms = sorted(results["arms"].items(), key=lambda arm: arm[1]["test"]["recall@20"]["mean"])
    minutes = [float(np.mean(arm["seconds"])) / 60 for _, arm in arms]
    where = [place(arm) if spent else None for (_, arm), spent in zip(arms, minutes, strict=True)]  # if trained at all
    places = [p for p in PLACES if p in where]
    ours, other = {"color": VERMILLION, "marker": "D"}, {"color": BLUE, "marker": "o"}
    looks: list[dict[str, Any]] = [ours if name == results["reference"] else other for name, _ in arms]
    figure = Figure(figsize=(PAGE, 1.0 + ROW * len(arms)), layout="constrained")
    ratios = (2, *(0.7 for _ in places))
    quality, *costs = figure.subplots(1, len(ratios), sharey=True, width_ratios=ratios, squeeze=False)[0]
    for row, (_, arm) in enumerate(arms):
        value = arm["test"]["recall@20"]
        quality.errorbar(value["mean"], row, xerr=value["std"] or None, elinewidth=0.8, **looks[row])
    quality.axvline(arms[-1][1]["test"]["recall@20"]["mean"], color=GREY, linewidth=0.6, linestyle=":")
    quality.set_yticks(range(len(arms)), [name + fewer(arm, results) for name, arm in arms])
    kind = " (synthetic)" if results["data"]["synthetic"] else ""
    quality.set_xlabel(f"test Recall@20 on {results['dataset']}{kind}, {seeds(results)}\n(dotted: the best)")
    for cost, p in zip(costs, places, strict=True):
        rows = [row for row, there in enumerate(where) if there == p]
        for row in rows:
            cost.plot(minutes[row], row, linestyle="none", **looks[row])
        cost.set_xlabel(f"minutes,\n{p.what}")
        _scale(cost, [minutes[row] for row in rows])
    for axis in (quality, *costs):
        axis.grid(axis="both")
        axis.set_ylim(-0.6, len(arms) - 0.4)
    return figure


def _scale(axis: Axes, minutes: Sequence[float]) -> None:
    """From 0, or logarithmic where times differ too much to be told apart."""
    if max(minutes) > 10 * min(minutes):
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(ScalarFormatter())
        axis.xaxis.set_minor_formatter(NullFormatter())
    else:
        axis.set_xlim(0, 1.1 * max(minutes))
