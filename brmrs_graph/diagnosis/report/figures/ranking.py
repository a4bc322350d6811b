"""Figures of what the rankings find: recall by branch, the partition, fusion degeneration."""

from __future__ import annotations

from itertools import combinations

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from brmrs_graph.branches import FUSED
from brmrs_graph.diagnosis.report.figures.axes import (
    bar,
    canvas,
    fit,
    lanes,
    legend,
    mark,
    model_rows,
    not_measured,
    patch,
    point,
    title,
    whisker,
)
from brmrs_graph.diagnosis.report.numbers import METRIC, PERCENT, Json, measured, modalities
from brmrs_graph.diagnosis.report.style import (
    BLACK,
    BLUE,
    HATCHES,
    MARKERS,
    ORANGE,
    PALETTE,
    PURPLE,
    VERMILLION,
    YELLOW,
    style,
)
from brmrs_graph.evaluation import Estimate


@style()
def recall(diagnosis: Json) -> Figure:
    """Recall@k by branch, beside models of one modality trained alone; one panel a branch, one row a model."""
    branches, models = [*modalities(diagnosis), FUSED], diagnosis["models"]
    alone = any(measured(model, "alone", name) for model in models for name in branches)
    inches = (0.4 if alone else 0.3) * len(models)
    figure = canvas(1, inches)
    panels = figure.subplots(1, len(branches), sharex=True, sharey=True, squeeze=False)[0]
    for ax, branch in zip(panels, branches, strict=True):
        title(ax, branch, 5 / len(branches))
        ax.set_xlabel(f"Recall@{diagnosis['k']}")
        model_rows(ax, diagnosis)
        two = alone and branch != FUSED
        for row, model in enumerate(models):
            at, height = lanes(2 if two else 1), 0.36 if alone else 0.6
            bar(ax, row + at[0], measured(model, "recall", branch), METRIC, height, BLUE)
            if two:
                bar(ax, row + at[1], measured(model, "alone", branch), METRIC, height, ORANGE, HATCHES[1])
    if alone:
        entries = [patch(BLUE, "", "branch of the model"), patch(ORANGE, HATCHES[1], "one modality trained alone")]
        legend(figure, entries)
    return fit(figure, inches)


@style()
def partition(diagnosis: Json) -> Figure:
    """Held-out pairs by who finds them: fusion loss, fusion keeps and synergy side by side on one scale."""
    models = diagnosis["models"]
    figure = canvas(1, inches := 0.44 * len(models))
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    looks = _finders(modalities(diagnosis))
    titles = {
        "fusion_loss": "Fusion loss:\nthe fused ranking misses it",
        "fusion_keeps": "Fusion keeps:\nthe fused ranking finds it too",
        "synergy": "Synergy:\nonly the fused ranking finds it",
    }
    for ax, (part, text) in zip(panels, titles.items(), strict=True):
        ax.set_title(text, loc="left")
        ax.set_xlabel("% of held-out pairs")
        model_rows(ax, diagnosis)
        for row, model in enumerate(models):
            y = row - 0.16 if part == "synergy" else row
            total = measured(model, "partition", "summary", part)
            if total is None:
                not_measured(ax, y)
            else:
                _stack(ax, y, model, part, looks)
                whisker(ax, y, total, PERCENT)
            if part == "synergy":
                by_chance = measured(model, "partition", "synergy_chance")
                point(ax, row + 0.24, by_chance, PERCENT, BLACK, "D", name="chance")
    entries: list[Artist] = [
        patch(*look, " + ".join(names) + (" only" if len(names) == 1 else "")) for names, look in looks.items()
    ]
    entries.append(patch(PURPLE, HATCHES[3], "no single modality"))
    entries.append(mark(BLACK, "D", "chance: found by a modality of another seed"))
    legend(figure, entries)
    return fit(figure, inches)


def _finders(names: list[str]) -> dict[tuple[str, ...], tuple[str, str]]:
    """Sets of modalities, the largest first, and how their cells are drawn."""
    looks = [
        (BLUE, HATCHES[0]),
        (ORANGE, HATCHES[1]),
        (PALETTE[2], HATCHES[2]),
        (PALETTE[5], HATCHES[4]),
        (YELLOW, HATCHES[5]),
        (VERMILLION, HATCHES[6]),
        ("#BBBBBB", HATCHES[0]),
    ]
    sets = [group for size in range(len(names), 0, -1) for group in combinations(names, size)]
    return {group: looks[i % len(looks)] for i, group in enumerate(sets)}


def _stack(ax: Axes, y: float, model: Json, part: str, looks: dict[tuple[str, ...], tuple[str, str]]) -> None:
    """The cells of one part of the partition, one after the other."""
    order, cells, left = model["partition"]["order"], model["partition"]["cells"], 0.0
    for cell in cells:
        by = {name for name, hit in zip(order, cell, strict=True) if hit == "1"}
        kind = ("fusion_keeps" if FUSED in by else "fusion_loss") if by - {FUSED} else "synergy"
        x: Estimate | None = measured(cells, cell)
        if not by or kind != part or x is None:
            continue
        color, hatch = next((look for names, look in looks.items() if set(names) == by - {FUSED}), (PURPLE, HATCHES[3]))
        ax.barh(y, x.value * 100, 0.4, left=left, color=color, hatch=hatch, edgecolor=BLACK, linewidth=0.4)
        left += x.value * 100


@style()
def degeneration(diagnosis: Json) -> Figure:
    """How often the fused ranking is below the best modality: among its own branches, trained alone, by chance."""
    models = diagnosis["models"]
    users = {"all_users": "All users", "users_with_hits": "Users with a hit in any ranking"}
    kinds = {
        "in_model": (BLUE, MARKERS[0], "own branches", "below the best branch of the model"),
        "of_single": (PURPLE, MARKERS[2], "single", "a single modality below the best of all others"),
        "trained_alone": (ORANGE, MARKERS[1], "trained alone", "below the best modality trained alone"),
        "chance": (BLACK, MARKERS[3], "other seeds", "below the best of other seeds of itself (chance)"),
    }
    figure = canvas(1, inches := 0.6 * len(models))
    for ax, (group, text) in zip(figure.subplots(1, 2, sharey=True), users.items(), strict=True):
        title(ax, text, 2.8)
        ax.set_xlabel("% of these users")
        model_rows(ax, diagnosis)
        for row, model in enumerate(models):
            for offset, (kind, (color, marker, name, _)) in zip(lanes(len(kinds)), kinds.items(), strict=True):
                if kind == "of_single" and group != "all_users":  # measured over all users alone
                    continue
                path = ("in_model", kind) if kind == "of_single" else (kind, group)
                x = measured(model, "degeneration", *path)
                if x is None:
                    not_measured(ax, row + offset, f"{name}:")
                else:
                    point(ax, row + offset, x, PERCENT, color, marker)
        ax.set_xlim(left=0)
    legend(figure, [mark(color, marker, text) for color, marker, _, text in kinds.values()])
    return fit(figure, inches)
