"""Figures show the numbers of the diagnosis: all of them, in the right place, and no others."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from brmrs_graph.diagnosis.report import figures
from brmrs_graph.diagnosis.report.figures.axes import label, lanes
from brmrs_graph.diagnosis.report.numbers import BITS, METRIC, PERCENT, RATIO, Json, Unit, measured
from brmrs_graph.diagnosis.report.style import HATCHES, MARKERS, PALETTE
from brmrs_graph.evaluation import Estimate
from tests.diagnosis.diagnoses import estimate, make_diagnosis

THREE = ("visual", "textual", "acoustic")
GROUPS = ("all_users", "users_with_hits")


def written(figure: Figure) -> Counter[str]:
    """The numbers beside bars and points, without names."""
    texts = [text.get_text() for ax in figure.axes if ax.get_visible() for text in ax.texts]
    return Counter("not measured" if "not measured" in text else text.rsplit(" ", 1)[-1] for text in texts)


def of(unit: Unit, values: Iterable[Estimate | None]) -> Counter[str]:
    return Counter("not measured" if x is None else unit.number(x.value) for x in values)


def recalls(model: Json) -> Counter[str]:
    found = [measured(model, "recall", name) for name in ("visual", "textual", "fused")]
    return of(METRIC, found + [measured(model, "alone", name) for name in ("visual", "textual")])


def parts(model: Json) -> Counter[str]:
    found = [measured(model, "partition", "summary", part) for part in ("fusion_loss", "fusion_keeps", "synergy")]
    return of(PERCENT, [*found, measured(model, "partition", "synergy_chance")])


def rates(model: Json) -> Counter[str]:
    kinds = ("in_model", "trained_alone", "chance")
    found = [measured(model, "degeneration", kind, group) for kind in kinds for group in GROUPS]
    return of(PERCENT, [*found, measured(model, "degeneration", "in_model", "of_single")])


def failures(model: Json) -> Counter[str]:
    entries = model["complementarity"]
    found = [measured(entry, "failure", kind) for entry in entries for kind in ("rate", "of_sum")]
    return of(RATIO, [measured(entry, "content", "position") for entry in entries]) + of(PERCENT, found)


def bits(model: Json) -> Counter[str]:
    atoms = ("redundancy", "unique_first", "unique_second", "synergy", "total")
    found = of(BITS, [measured(entry, atom) for entry in model["information"] for atom in atoms])
    return found + of(RATIO, [measured(model, "utilisation")])


def by_type(model: Json) -> Counter[str]:
    return of(METRIC, [measured(model, "by_type", kind) for kind in model["by_type"]])


@pytest.mark.parametrize(
    ("draw", "numbers"),
    [
        (figures.recall, recalls),
        (figures.partition, parts),
        (figures.degeneration, rates),
        (figures.complementarity, failures),
        (figures.information, bits),
        (figures.types, by_type),
    ],
    ids=lambda x: x.__name__,
)
@pytest.mark.parametrize(("models", "null"), [(1, 0.0), (8, 0.2)])
def test_all_numbers_are_written_and_no_others(
    draw: Callable[[Json], Figure], numbers: Callable[[Json], Counter[str]], models: int, null: float
) -> None:
    diagnosis = make_diagnosis(models, seed=7, null=null)
    assert written(draw(diagnosis)) == sum((numbers(model) for model in diagnosis["models"]), Counter())


def bars(figure: Figure) -> list[tuple[float, float, float]]:
    """Middle, left and right end of all bars of the first axes."""
    found = figure.axes[0].patches
    return [(x.get_y() + x.get_height() / 2, x.get_x(), x.get_x() + x.get_width()) for x in found]  # type: ignore[attr-defined]


def test_bars_are_as_long_as_their_values_in_the_row_of_their_model() -> None:
    diagnosis = make_diagnosis(3, seed=8)
    found = sorted(bars(figures.recall(diagnosis)))
    at = [row + lane for row in range(3) for lane in lanes(2)]
    values = [model[part]["visual"]["value"] for model in diagnosis["models"] for part in ("recall", "alone")]
    assert [y for y, _, _ in found] == pytest.approx(at) and [right for _, _, right in found] == pytest.approx(values)
    assert {left for _, left, _ in found} == {0}
    figure = figures.types(diagnosis)
    assert len(figure.axes[0].patches) == 12
    assert max(right for _, _, right in bars(figure)) == pytest.approx(
        max(x["value"] for model in diagnosis["models"] for x in model["by_type"].values())
    )


def test_points_stand_at_their_values_with_their_intervals() -> None:
    diagnosis = make_diagnosis(2, seed=9)
    first, second = figures.degeneration(diagnosis).axes
    for ax, group in ((first, GROUPS[0]), (second, GROUPS[1])):
        lines = [line.get_xydata().tolist() for line in ax.lines]  # type: ignore[union-attr]
        for row, model in enumerate(diagnosis["models"]):
            for number, kind in ((0, "in_model"), (2, "trained_alone"), (3, "chance")):
                lane = lanes(4)[number]
                x, y = measured(model, "degeneration", kind, group), row + lane
                assert x is not None
                assert [[pytest.approx(100 * x.value), pytest.approx(y)]] in lines
                assert [[pytest.approx(100 * end), pytest.approx(y)] for end in (x.low, x.high)] in lines


def test_lines_by_degree_follow_their_values() -> None:
    diagnosis = make_diagnosis(2, seed=3)
    bins = diagnosis["models"][1]["by_user_degree"]["degeneration"]
    bins["4-7"] = None
    ax = figures.degree(diagnosis).axes[0]
    values = [100 * x["value"] for x in bins.values() if x]
    assert ax.lines[1].get_ydata() == pytest.approx(values)
    assert ax.lines[1].get_xdata() == pytest.approx([x + 0.125 for x in (0, 2, 3)])
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1-3", "4-7", "8-15", "16+"]
    low, high = ax.get_ylim()
    assert low <= 0 and high > max(100 * x["high"] for x in bins.values() if x)


def test_atoms_below_zero_are_stacked_to_the_left() -> None:
    diagnosis = make_diagnosis(1)
    values = {"redundancy": 0.1, "unique_first": -0.02, "unique_second": 0.05, "synergy": -0.01}
    diagnosis["models"][0]["information"][0] |= {name: estimate(x, x - 0.001, x + 0.001) for name, x in values.items()}
    found = bars(figures.information(diagnosis))
    assert [left for _, left, _ in found] == pytest.approx([0, 0, 0.1, -0.02])
    assert [right for _, _, right in found] == pytest.approx([0.1, -0.02, 0.15, -0.03])


def test_margins_show_both_distributions_and_their_shares() -> None:
    diagnosis = make_diagnosis(1)
    entry = diagnosis["models"][0]["margins"][0]
    entry["chns"] |= {"confused_share": estimate(0.46, 0.45, 0.47), "separated_share": None}
    entry["random"] |= {"confused_share": estimate(0.208, 0.2, 0.21), "separated_share": estimate(0.795, 0.79, 0.8)}
    confused, right, *_ = figures.margins(diagnosis).axes
    assert confused.get_title(loc="left") == "< 0: CHNS 46.0\u00a0%\nrandom 20.8\u00a0%"
    assert right.get_title(loc="left") == "> 0: CHNS not measured\nrandom 79.5\u00a0%"
    for ax, side in ((confused, "confused"), (right, "right")):
        for steps, kind in zip(ax.patches, ("random", "chns"), strict=True):
            density, edges, _ = steps.get_data()  # type: ignore[attr-defined]
            counts = entry[kind][f"histogram_{side}"]
            assert edges == pytest.approx(entry["edges"])
            assert density == pytest.approx([count / sum(counts) / (8 / 24) for count in counts])


def test_models_have_the_same_rows_in_all_panels() -> None:
    diagnosis = make_diagnosis(8, THREE)
    for ax in figures.recall(diagnosis).axes:
        low, high = ax.get_ylim()
        assert (low, high) == (7.5, -0.5), "the first model is on top"
        names = [text.get_text() for text in ax.get_yticklabels()]
        assert names == (
            [label(model["name"]) for model in diagnosis["models"]] if ax.get_title("left") == "visual" else []
        )


def test_long_names_keep_their_ends() -> None:
    assert label("bpr") == "bpr"
    assert label("vbpr / infonce with a long name").startswith("vbpr / infonce")
    for name in ("x" * 100, "a long name " * 9, "a\u202eb\x07" * 20, "chns-graph-" * 5):
        lines = label(name).split("\n")
        assert len(lines) <= 2 and max(map(len, lines)) <= 16 and all(line.isprintable() for line in lines)
        assert lines[0][0] == name[0] and "\u2026" in label(name)


def test_series_that_are_alike_in_grey_have_other_hatches_and_markers() -> None:
    grey = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in map(to_rgb, PALETTE)]
    looks = list(zip(grey, HATCHES, MARKERS, strict=True))
    for i, (x, hatch, marker) in enumerate(looks):
        for y, other_hatch, other_marker in looks[:i]:
            assert abs(x - y) > 0.1 or (hatch != other_hatch and marker != other_marker)


@pytest.mark.parametrize("draw", [figures.recall, figures.partition, figures.types], ids=lambda draw: draw.__name__)
def test_bars_of_different_series_look_different_without_colour(draw: Callable[[Any], Figure]) -> None:
    figure = draw(make_diagnosis(3, THREE))
    looks = {(tuple(x.get_facecolor()), x.get_hatch()) for ax in figure.axes for x in ax.patches}
    grey = {(round(0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2], 1), hatch) for c, hatch in looks}
    assert len(looks) > 1 and len(grey) == len(looks)
    assert all(isinstance(text, Annotation) for ax in figure.axes for text in ax.texts)
