"""The chart of a comparison: how good every arm is, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from brmrs_graph.diagnosis.report.style import BLUE, GREY, PAGE, VERMILLION, style

ROW = 0.17
"""Height of an arm, in inches."""


@style()
def draw(results: Mapping[str, Any]) -> Figure:
    """Draws test Recall@20 by arm, the best first, and the time that training took.

    Bars are standard deviations over seeds. The reference has a colour and a marker of its own.
    """
    arms = sorted(results["arms"].items(), key=lambda arm: arm[1]["test"]["recall@20"]["mean"])
    places = np.arange(len(arms))
    figure = Figure(figsize=(PAGE, 0.9 + ROW * len(arms)), layout="constrained")
    quality, cost = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    for place, (name, arm) in zip(places, arms, strict=True):
        ours = name == results["reference"]
        color, marker = (VERMILLION, "D") if ours else (BLUE, "o")
        value, seconds = arm["test"]["recall@20"], float(np.mean(arm["seconds"]))
        quality.errorbar(value["mean"], place, xerr=value["std"] or None, color=color, marker=marker, elinewidth=0.8)
        if seconds > 0:
            cost.plot(seconds / 60, place, color=color, marker=marker, linestyle="none")
    best = arms[-1][1]["test"]["recall@20"]["mean"]
    quality.axvline(best, color=GREY, linewidth=0.6, linestyle=":")
    quality.set_yticks(places, [name for name, _ in arms])
    kind = " (synthetic)" if results["data"]["synthetic"] else ""
    quality.set_xlabel(f"test Recall@20 on {results['dataset']}{kind}, {len(results['seeds'])} seeds")
    minutes = [float(line.get_xdata()[0]) for line in cost.lines]  # of what is trained at all
    if minutes and max(minutes) > 10 * min(minutes):
        cost.set_xscale("log")
        cost.xaxis.set_major_formatter(ScalarFormatter())
        cost.xaxis.set_minor_formatter(NullFormatter())
    else:
        cost.set_xlim(0, 1.1 * max(minutes, default=1))
    gpu = any("cuda" in arm.get("devices", ()) for _, arm in arms)
    cost.set_xlabel("minutes of training" if gpu else "minutes of training, one thread")
    for axis in (quality, cost):
        axis.grid(axis="both")
        axis.set_ylim(-0.6, len(arms) - 0.4)
    return figure
