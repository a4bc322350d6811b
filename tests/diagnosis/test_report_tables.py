"""The tables of the page hold the numbers of the diagnosis, and nothing else."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from brmrs_graph.diagnosis.report import tables
from brmrs_graph.diagnosis.report.numbers import BITS, METRIC, PERCENT, POINTS, RATIO, Unit, measured
from brmrs_graph.diagnosis.report.tables import Cell, Table
from brmrs_graph.evaluation import Estimate
from tests.diagnosis.diagnoses import difference, make_diagnosis, measured_diagnosis

THREE = ("visual", "textual", "acoustic")
OF_MODELS: list[Callable[[Any], list[Table]]] = [
    tables.recall,
    tables.partition,
    tables.degeneration,
    tables.complementarity,
    tables.information,
    tables.margins,
    tables.degree,
    tables.types,
]


def written(part: Any, unit: Unit, *path: str) -> Cell:
    x = measured(part, *path)
    assert x is not None
    return Cell(unit.value(x.value), unit.interval(x))


def row(found: list[Table], head: str) -> tuple[Cell, ...]:
    (cells,) = (cells for table in found for name, cells in table.rows if name == head)
    return cells


def estimates(part: Any) -> Iterator[Estimate]:
    """All estimates in a part of a diagnosis."""
    if isinstance(part, dict) and "value" in part:
        x = measured(part)
        assert x is not None
        yield x
    elif isinstance(part, dict | list):
        for child in part.values() if isinstance(part, dict) else part:
            yield from estimates(child)


def test_values_and_intervals_are_those_of_the_diagnosis() -> None:
    diagnosis = make_diagnosis(3, seed=5)
    first, _, last = diagnosis["models"]
    for of, head, unit, path in (
        (tables.recall, "fused ranking", METRIC, ("recall", "fused")),
        (tables.recall, "textual ranking", METRIC, ("recall", "textual")),
        (tables.recall, "visual, trained alone", METRIC, ("alone", "visual")),
        (tables.partition, "No ranking finds it", PERCENT, ("partition", "summary", "none")),
        (tables.partition, "Synergy: only the fused ranking finds it", PERCENT, ("partition", "summary", "synergy")),
        (tables.partition, "110: visual + textual", PERCENT, ("partition", "cells", "110")),
        (tables.partition, "000: none", PERCENT, ("partition", "cells", "000")),
        (
            tables.degeneration,
            "Below the best of its own branches, all users",
            PERCENT,
            ("degeneration", "in_model", "all_users"),
        ),
        (
            tables.degeneration,
            "Own branches minus that of other seeds, users with a hit in any ranking",
            POINTS,
            ("degeneration", "excess", "users_with_hits"),
        ),
        (
            tables.degeneration,
            "Below the best modality trained alone: a single modality in its place",
            PERCENT,
            ("degeneration", "trained_alone", "of_single"),
        ),
        (tables.information, "Utilisation", RATIO, ("utilisation",)),
        (tables.types, "joint", METRIC, ("by_type", "joint")),
    ):
        cells = row(of(diagnosis), head)
        assert cells[0] == written(first, unit, *path), head
        assert cells[2] == written(last, unit, *path), head


def test_values_of_lists_are_those_of_their_modalities() -> None:
    diagnosis = make_diagnosis(2, THREE, seed=6)
    first, second = diagnosis["models"]
    (table,) = (t for t in tables.complementarity(diagnosis) if t.caption == "acoustic confuses, visual separates")
    at = [(entry["confused"], entry["right"]) for entry in first["complementarity"]].index(("acoustic", "visual"))
    assert row([table], "Failure proper: rate") == (
        written(first["complementarity"][at], PERCENT, "failure", "rate"),
        written(second["complementarity"][at], PERCENT, "failure", "rate"),
    )
    assert row([table], "Content: position from far (0) to close (1)")[0] == written(
        first["complementarity"][at], RATIO, "content", "position"
    )
    (table,) = (t for t in tables.information(diagnosis) if "textual and acoustic" in t.caption)
    assert row([table], "in acoustic only")[1] == written(second["information"][2], BITS, "unique_second")
    (table,) = (t for t in tables.margins(diagnosis) if t.caption == "visual confuses, textual separates")
    assert row([table], "visual prefers the negative, CHNS negatives")[0] == written(
        first["margins"][0], PERCENT, "chns", "confused_share"
    )
    assert row([table], "textual prefers the liked item, CHNS (item graph) negatives")[0] == written(
        first["margins"][0], PERCENT, "chns-graph", "separated_share"
    )
    (table,) = (t for t in tables.degree(diagnosis) if t.caption.startswith("Fusion loss"))
    assert row([table], "8-15")[1] == written(second["by_item_degree"]["fusion_loss"], PERCENT, "8-15")


@pytest.mark.parametrize("of", OF_MODELS, ids=lambda of: of.__name__)
def test_all_numbers_of_a_real_diagnosis_are_in_the_tables(of: Callable[[Any], list[Table]]) -> None:
    diagnosis = measured_diagnosis(("a", "b"))
    part = {
        "recall": ("recall", "alone"),
        "degree": ("by_user_degree", "by_item_degree"),
        "types": ("by_type",),
        "information": ("information", "utilisation"),
    }.get(of.__name__, (of.__name__,))
    found = {cell.value for table in of(diagnosis) for _, cells in table.rows for cell in cells}
    for x in estimates([{name: model[name] for name in part} for model in diagnosis["models"]]):
        assert {unit.value(x.value) for unit in (PERCENT, POINTS, METRIC, BITS, RATIO)} & found, x
    assert found - {"not measured"}


@pytest.mark.parametrize("of", OF_MODELS, ids=lambda of: of.__name__)
def test_what_is_null_is_not_measured(of: Callable[[Any], list[Table]]) -> None:
    for table in of(make_diagnosis(2, THREE, null=1.0)):
        assert table.rows
        for head, cells in table.rows:
            assert head and cells == (Cell("not measured"), Cell("not measured"))


@pytest.mark.parametrize("of", OF_MODELS, ids=lambda of: of.__name__)
def test_every_table_has_a_column_a_model_and_every_row_as_many_cells(of: Callable[[Any], list[Table]]) -> None:
    diagnosis = make_diagnosis(8, THREE, null=0.3)
    found = of(diagnosis)
    assert len({table.caption for table in found}) == len(found)
    for table in found:
        assert table.head == ("", *(model["name"] for model in diagnosis["models"]))
        assert all(len(cells) == 8 for _, cells in table.rows)
        assert len({head for head, _ in table.rows}) == len(table.rows)


def test_models_with_other_modalities_stand_beside_each_other() -> None:
    diagnosis = make_diagnosis(1, THREE)
    diagnosis["models"] += make_diagnosis(1, ("visual", "textual"))["models"]
    assert [cell.value == "not measured" for cell in row(tables.recall(diagnosis), "acoustic ranking")] == [False, True]
    eight, sixteen = sorted(len(table.rows) for table in tables.partition(diagnosis) if table.detail)
    assert (eight, sixteen) == (8, 16)


@pytest.mark.parametrize(
    ("measure", "value", "low", "high", "cell"),
    [
        ("recall/fused", 0.01, 0.002, 0.018, Cell("+0.0100", "[+0.0020, +0.0180]", "better")),
        ("recall/fused", -0.01, -0.018, -0.002, Cell("\u22120.0100", "[\u22120.0180, \u22120.0020]", "worse")),
        ("recall/fused", 0.01, -0.002, 0.022, Cell("+0.0100", "[\u22120.0020, +0.0220]", "unclear")),
        ("recall/fused", 0.0, 0.0, 0.0, Cell("0.0000", "[0.0000, 0.0000]", "unclear")),
        (
            "degeneration/in_model/all_users",
            -0.05,
            -0.06,
            -0.04,
            Cell("\u22125.0 points", "[\u22126.0, \u22124.0]", "better"),
        ),
        ("degeneration/in_model/all_users", 0.05, 0.04, 0.06, Cell("+5.0 points", "[+4.0, +6.0]", "worse")),
        ("utilisation", 0.05, 0.04, 0.06, Cell("+0.050", "[+0.040, +0.060]", "higher")),
        ("utilisation", -0.05, -0.06, -0.04, Cell("\u22120.050", "[\u22120.060, \u22120.040]", "lower")),
    ],
)
def test_verdicts_on_differences(measure: str, value: float, low: float, high: float, cell: Cell) -> None:
    diagnosis = make_diagnosis(2) | {"differences": [difference(measure, value, low, high)]}
    (table,) = tables.differences(diagnosis)
    assert table.head == ("", "minus bpr") and table.rows[0][1] == (cell,)


def test_differences_that_are_missing_are_not_measured() -> None:
    entries = [
        difference("recall/fused", 0.01, 0.0, 0.02, "bpr"),
        difference("utilisation", 0.01, 0.0, 0.02, "dns"),
        difference("recall/fused", 0.0, 0.0, 0.0, "dns") | {"difference": None},
        difference("partition/cells/000", 0.1, 0.05, 0.2),
    ]
    (table,) = tables.differences(make_diagnosis(3) | {"differences": entries})
    assert table.head == ("", "minus bpr", "minus dns")
    assert [[cell.value for cell in cells] for _, cells in table.rows] == [
        ["+0.0100", "not measured"],
        ["not measured", "+0.010"],
    ]
    assert tables.differences(make_diagnosis(1) | {"differences": []}) == []
