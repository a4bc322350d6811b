"""The tables of a comparison: what is in their cells, whatever form they are written in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brmrs_graph.evaluation import holm
from experiments.comparison.labels import PLACES, fewer, place, seeds

SHORT = {"recall@10": "R@10", "recall@20": "R@20", "ndcg@10": "N@10", "ndcg@20": "N@20"}
Results = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """A cell.

    Args:
        text: What is in it.
        value: What it is ranked by in its column, the larger the better; None: it is not ranked.
        place: 1 for the best of the column, 2 for the second.
        note: What is said beside it.
    """

    text: str
    value: float | None = None
    place: int = 0
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table, the same for all forms in which it is written.

    Args:
        head: Names of the columns; the first one holds names.
        rows: Cells by row.
        caption: What stands below it.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str


def main_table(results: Results) -> Table:
    """Validation, test metrics, difference from the reference, time and memory of every arm."""
    reference, tests = results["reference"], results["against_reference"]
    rows = []
    for name, arm in results["arms"].items():
        test = tests.get(name)
        rows.append(
            (
                Cell(name, note=fewer(arm, results)),
                _metric(arm["valid"]["recall@20"]),
                *(_metric(arm["test"][metric]) for metric in SHORT),
                Cell("" if test is None else _difference(test)),
                Cell("" if test is None else _p(test["p_holm"])),
                Cell(_minutes(arm)),
                Cell(f"{arm['memory_gib']:.1f}"),
            )
        )
    head = ("arm", "valid R@20", *SHORT.values(), f"{reference} − arm, R@20 [95 %]", "p", "min", "GiB")
    places = {place(arm) for arm in results["arms"].values()}
    marks = "".join(f"; minutes with {p.mark}: on {p.what}" for p in PLACES if p.mark and p in places)
    tested = [results["arms"][name] for name in (reference, *tests)] if tests else []
    return _placed(Table(head, tuple(rows), _caption(results) + _one_seed(tested) + marks))


def gains_table(results: Results) -> Table:
    """Every arm that has another one as its own baseline, beside it."""
    rows, tested = [], []
    for name, test in results["gains"].items():
        base, arm = (results["arms"][key] for key in (test["against"], name))
        tested += [base, arm]
        relative = test["mean"] / base["test"]["recall@20"]["mean"]
        rows.append(
            (
                Cell(name),
                _unranked(arm, results),
                Cell(test["against"]),
                _unranked(base, results),
                Cell(_difference(test)),
                Cell(f"{100 * relative:+.1f} %"),
                Cell(_p(test["p_holm"])),
            )
        )
    head = ("arm", "R@20", "against", "its R@20", "gain [95 %]", "relative", "p")
    return Table(head, tuple(rows), _caption(results) + _one_seed(tested))


def degree_table(results: Results) -> Table:
    """Recall@20 by the training interactions of the item, the coldest items first."""
    groups = next(iter(results["arms"].values()))["by_degree"]
    rows = [
        (Cell(name, note=fewer(arm, results)), *(_metric(arm["by_degree"][group]) for group in groups))
        for name, arm in results["arms"].items()
    ]
    head = ("R@20 of items with so many training interactions", *groups)
    pairs = ", ".join(f"{group['pairs']:,}" for group in groups.values())
    return _placed(Table(head, tuple(rows), f"{_caption(results)}; test pairs by column: {pairs}"))


def across_table(comparisons: Sequence[Results]) -> Table:
    """The reference on every data set, beside the best other arm by validation; p-values adjusted for the data sets."""
    tests, rows, tested = {}, [], []
    for number, results in enumerate(comparisons):
        arms, reference = results["arms"], results["reference"]
        others = [name for name in arms if name != reference]
        other = max(others, key=lambda name: arms[name]["valid"]["recall@20"]["mean"])
        by_test = sorted(arms, key=lambda name: -arms[name]["test"]["recall@20"]["mean"])
        tests[number] = results["against_reference"][other]
        tested += [arms[reference], arms[other]]
        rows.append(
            (
                Cell(results["dataset"]),
                Cell(f"{by_test.index(reference) + 1} of {len(by_test)}"),
                _unranked(arms[reference], results),
                Cell(other),
                _unranked(arms[other], results),
                Cell(_difference(tests[number])),
                Cell(_p(tests[number]["p"])),
            )
        )
    adjusted = holm({number: test["p"] for number, test in tests.items()})
    head = ("data set", "rank", "R@20", "best other by validation", "its R@20", "difference [95 %]", "p", "p, Holm")
    return Table(
        head,
        tuple((*row, Cell(_p(adjusted[number]))) for number, row in enumerate(rows)),
        f"{comparisons[0]['reference']} against the others on test, by the tables of the data sets: "
        + _seeds(comparisons)
        + _one_seed(tested),
    )


def arms_table(comparisons: Sequence[Results]) -> Table:
    """Test Recall@20 of each arm on every data set, splits of one say, and on average; arms that are on all of them."""
    reference = comparisons[0]["reference"]
    values = {
        name: np.array([results["arms"][name]["test"]["recall@20"]["mean"] for results in comparisons])
        for name in comparisons[0]["arms"]
        if all(name in results["arms"] for results in comparisons)
    }
    rows = []
    for name, recall in values.items():
        ahead = values[reference] - recall
        over = "" if name == reference else f"{_spread(ahead, '+')}, {(ahead > 0).sum()} of {ahead.size}"
        cells = [
            Cell(_decimal(x), x, note=fewer(results["arms"][name], results))
            for x, results in zip(recall, comparisons, strict=True)
        ]
        rows.append((Cell(name), *cells, Cell(_spread(recall), recall.mean()), Cell(over)))
    head = ("arm, R@20", *(results["dataset"] for results in comparisons), "mean", f"{reference} − arm, above 0")
    return _placed(Table(head, tuple(rows), f"test; mean ± standard deviation over data sets; {_seeds(comparisons)}"))


ACROSS: dict[str, Callable[[Sequence[Results]], Table]] = {"main": across_table, "arms": arms_table}
"""Tables of several comparisons by name."""

VIEWS: dict[str, Callable[[Results], Table]] = {"main": main_table, "gains": gains_table, "degree": degree_table}
"""Tables by name."""


def views(results: Results) -> list[str]:
    """The tables that a comparison has."""
    return ["main", *(["gains"] if results["gains"] else []), "degree"]


def _placed(table: Table) -> Table:
    """Marks the best and the second best of each column; equal ones share their place."""
    rows = [list(row) for row in table.rows]
    for column in range(1, len(table.head)):
        best = sorted({row[column].value for row in rows if row[column].value is not None}, reverse=True)[:2]
        for row in rows:
            if row[column].value in best:
                row[column] = replace(row[column], place=best.index(row[column].value) + 1)
    return replace(table, rows=tuple(tuple(row) for row in rows))


def _metric(value: Mapping[str, float]) -> Cell:
    spread = f" ± {_decimal(value['std'])}" if value["std"] else ""
    return Cell(_decimal(value["mean"]) + spread, value["mean"])


def _unranked(arm: Mapping[str, Any], results: Results) -> Cell:
    """Test Recall@20 where the cell has to say itself how many seeds it is of."""
    return replace(_metric(arm["test"]["recall@20"]), value=None, note=fewer(arm, results))


def _decimal(value: float, digits: int = 4, sign: str = "") -> str:
    text = f"{value:{sign}.{digits}f}"
    return re.sub(r"^([+-]?)0\.", r"\1.", text)


def _spread(values: NDArray[np.float64], sign: str = "") -> str:
    """Mean ± standard deviation, the mean with its sign where ``sign`` is "+"."""
    return f"{_decimal(float(values.mean()), sign=sign)} ± {_decimal(float(values.std(ddof=1)))}"


def _seeds(comparisons: Sequence[Results]) -> str:
    return "; ".join(f"{results['dataset']} {seeds(results)}" for results in comparisons)


def _difference(test: Mapping[str, float]) -> str:
    mean, low, high = (_decimal(test[key], sign="+") for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else _decimal(value, 3)


def _minutes(arm: Mapping[str, Any]) -> str:
    return f"{float(np.mean(arm['seconds'])) / 60:.1f} {place(arm).mark}".rstrip()


def _caption(results: Results) -> str:
    kind = "synthetic data; " if results["data"]["synthetic"] else ""
    spread = ", mean ± standard deviation" if any(len(arm["seeds"]) > 1 for arm in results["arms"].values()) else ""
    return f"{results['dataset']}: {kind}{seeds(results)}{spread}; data {results['data']['hash']}"


def _one_seed(tested: Iterable[Mapping[str, Any]]) -> str:
    """What a caption adds where an arm in a test has one seed, which tells nothing of the spread over seeds."""
    one = any(len(arm["seeds"]) == 1 for arm in tested)
    return "; intervals and p leave out the spread over seeds of arms with one seed" if one else ""
