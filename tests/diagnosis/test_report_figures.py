from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from brmrs_graph.diagnosis.report import figures
from brmrs_graph.diagnosis.report.style import PAGE, style
from tests.diagnosis.diagnoses import make_diagnosis

THREE = ("visual", "textual", "acoustic")
FIGURES: list[Callable[[Any], Figure]] = [getattr(figures, name) for name in figures.__all__]
LONG = ("a modality with a long name", "another one that is long")
DIAGNOSES = {
    "some parts missing": make_diagnosis(3, seed=2, null=0.2, text=" und noch viel mehr$_x$"),
    "three modalities": make_diagnosis(2, THREE, seed=3),
}
MORE_DIAGNOSES = {
    "one model": make_diagnosis(1),
    "nothing measured": make_diagnosis(2, null=1.0),
    "eight models": make_diagnosis(8, seed=2, null=0.1),
    "eight models of three modalities": make_diagnosis(8, THREE, seed=2, null=0.1),
    "long names": make_diagnosis(3, LONG, text=" und noch viel mehr$_x$"),
}


def texts(figure: Figure) -> list[tuple[str, Bbox]]:
    """All visible text of a figure and where it is."""
    hidden = {text for ax in figure.axes if not ax.get_visible() for text in ax.findobj(Text)}
    with style():
        figure.draw_without_rendering()
        for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
            low, high = sorted(axis.get_view_interval())
            hidden |= {
                x for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high for x in tick.findobj(Text)
            }
        shown = [text for text in figure.findobj(Text) if isinstance(text, Text) and text not in hidden]
        boxes = [(text.get_text(), text.get_window_extent()) for text in shown if text.get_visible()]
    return [(text, box) for text, box in boxes if text.strip() and box.width > 0]


def overlap(a: Bbox, b: Bbox) -> float:
    """By how many pixels two boxes overlap in the direction in which they do least."""
    return min(min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0))


def check(figure: Figure) -> None:
    """No text is cut off, covers another one, or is too small to read."""
    shown = texts(figure)
    assert shown
    for text, box in shown:
        assert box.x0 >= -1, text
        assert box.y0 >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1, text
        assert box.y1 <= figure.bbox.y1 + 1, text
    # Boxes hold the room for accents and descenders, so that a little overlap is none to the eye.
    covered = [(a, b) for (a, at), (b, by) in combinations(shown, 2) if overlap(at, by) > 2.5]
    assert not covered
    assert figure.get_figwidth() == PAGE
    assert min(text.get_fontsize() for text in figure.findobj(Text) if isinstance(text, Text)) >= 7


@pytest.mark.parametrize("draw", FIGURES, ids=figures.__all__)
@pytest.mark.parametrize("diagnosis", DIAGNOSES.values(), ids=DIAGNOSES)
def test_text_can_be_read(draw: Callable[[Any], Figure], diagnosis: dict[str, Any]) -> None:
    check(draw(diagnosis))


@pytest.mark.slow
@pytest.mark.parametrize("draw", FIGURES, ids=figures.__all__)
@pytest.mark.parametrize("diagnosis", MORE_DIAGNOSES.values(), ids=MORE_DIAGNOSES)
def test_text_can_be_read_in_extreme_cases(draw: Callable[[Any], Figure], diagnosis: dict[str, Any]) -> None:
    check(draw(diagnosis))


@pytest.mark.parametrize("draw", FIGURES, ids=figures.__all__)
def test_what_was_not_measured_is_written_out_and_not_drawn(draw: Callable[[Any], Figure]) -> None:
    diagnosis = make_diagnosis(2, null=1.0)
    for model in diagnosis["models"]:
        for entry in model["margins"]:
            entry["chns"] = entry["random"] = None
    figure = draw(diagnosis)
    assert any("not measured" in text for text, _ in texts(figure))
    assert not [patch for ax in figure.axes for patch in ax.patches if ax.get_visible()]


def values(figure: Figure) -> list[str]:
    """The values written beside bars and points."""
    return [text.get_text() for text in figure.findobj(Annotation) if isinstance(text, Text)]


def test_values_are_written_beside_their_bars() -> None:
    diagnosis = make_diagnosis(2)
    model = diagnosis["models"][0]
    model["recall"]["fused"] = {"value": 0.12345, "low": 0.1, "high": 0.15, "count": 10}
    model["degeneration"]["in_model"]["all_users"] = {"value": 0.2345, "low": 0.2, "high": 0.25, "count": 10}
    model["partition"]["summary"]["synergy"] = {"value": 0.00456, "low": 0.004, "high": 0.005, "count": 10}
    model["information"][0]["total"] = {"value": 0.2468, "low": 0.2, "high": 0.3, "count": 10}
    assert "0.1235" in values(figures.recall(diagnosis)) or "0.1234" in values(figures.recall(diagnosis))
    assert "23.4" in values(figures.degeneration(diagnosis)) or "23.5" in values(figures.degeneration(diagnosis))
    assert "0.46" in values(figures.partition(diagnosis))
    assert "0.247" in values(figures.information(diagnosis))


def test_bars_of_the_partition_add_up_to_their_parts() -> None:
    diagnosis = make_diagnosis(2, THREE)
    figure = figures.partition(diagnosis)
    for ax, part in zip(figure.axes, ("fusion_loss", "fusion_keeps", "synergy"), strict=True):
        ends: dict[float, float] = {}
        for bar in ax.patches:
            y = round(bar.get_y(), 3)  # type: ignore[attr-defined]
            ends[y] = max(ends.get(y, 0.0), bar.get_x() + bar.get_width())  # type: ignore[attr-defined]
        totals = [100 * model["partition"]["summary"][part]["value"] for model in diagnosis["models"]]
        assert sorted(ends.values()) == pytest.approx(sorted(totals))


def test_a_position_far_off_the_scale_is_an_arrow_with_its_value() -> None:
    diagnosis = make_diagnosis(1)
    position = {"value": 37.2, "low": -5.0, "high": 80.0, "count": 10}
    diagnosis["models"][0]["complementarity"][0]["content"]["position"] = position
    figure = figures.complementarity(diagnosis)
    assert "37.20" in values(figure)
    assert any(line.get_marker() == ">" for line in figure.axes[0].lines)
    low, high = figure.axes[0].get_xlim()
    assert -2 < low < high < 3


def test_estimates_without_an_interval_are_drawn_all_the_same() -> None:
    diagnosis = make_diagnosis(1)

    def strip(part: Any) -> None:
        children = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        if isinstance(part, dict) and "low" in part:
            part["low"] = part["high"] = None
        for child in children:
            strip(child)

    strip(diagnosis)
    for draw in FIGURES:
        assert draw(diagnosis).axes


def test_models_may_differ_in_what_they_have() -> None:
    diagnosis = make_diagnosis(1, THREE)
    two = make_diagnosis(1)["models"][0] | {"name": "two modalities"}
    less = two | {"name": "less", "complementarity": [], "information": [], "margins": [], "by_type": None}
    less |= {"by_user_degree": {}, "by_item_degree": {}, "partition": None, "utilisation": None, "alone": {}}
    diagnosis["models"] += [two, less]
    for draw in (figures.partition, figures.complementarity, figures.information, figures.margins, figures.types):
        assert any("not measured" in text for text, _ in texts(draw(diagnosis)))
    for draw in (figures.recall, figures.degeneration, figures.degree):
        assert draw(diagnosis).axes
