"""The figures of the benchmark as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from experiments.benchmark.machine import measured_on


def show(part: Mapping[str, Any], console: Console) -> None:
    """Prints what a part measured."""
    console.print(
        f"\n[bold]{part['title']}[/bold] ({part['seconds']:.0f} s, {part['processor_share']:.0%} of its processor time)"
    )
    for title, comparison in part.get("comparisons", {}).items():
        console.print(_comparison(title, comparison))
    if "rows" in part:
        console.print(_rows(part["rows"]))
    for label, value in part.get("facts", {}).items():
        console.print(f"{label}: {fact(value)}")
    console.print(measured_on(part))


def _comparison(title: str, comparison: Mapping[str, Any]) -> Table:
    reference = comparison["reference"]
    columns = ["ms", "quartiles", "rounds", *([f"over {reference}", "quartiles"] if reference else [])]
    table = _table(title, columns)
    for name, seconds in comparison["seconds"].items():
        if isinstance(seconds, str):
            table.add_row(name, seconds)
            continue
        cells = [*spread_cells(seconds, 1000), str(seconds["rounds"])]
        if name in comparison["ratios"]:
            cells += spread_cells(comparison["ratios"][name])
        table.add_row(name, *cells)
    return table


def _rows(rows: Mapping[str, Mapping[str, Any]]) -> Table:
    table_rows = {name: dict(flat(row)) for name, row in rows.items()}
    columns = list(dict.fromkeys(column for row in table_rows.values() for column in row))
    if len(columns) > len(table_rows):  # a terminal is narrow
        table_rows, columns = (
            {column: {name: row.get(column, "") for name, row in table_rows.items()} for column in columns},
            [*table_rows],
        )
    table = _table("", columns)
    for name, row in table_rows.items():
        table.add_row(name, *(fact(row[column]) if column in row else "" for column in columns))
    return table


def flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """A row of a table of rows, what is nested in it too: (column, value)."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{name}: ")
        else:
            yield prefix + name.replace("_", " "), value


def _table(title: str, columns: list[str]) -> Table:
    table = Table(title=title or None, title_justify="left")
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def spread_cells(value: Mapping[str, float], scale: float = 1) -> tuple[str, str]:
    """A median, and the quartiles around it, as text."""
    low, median, high = (_number(scale * value[key]) for key in ("low", "median", "high"))
    return median, f"{low} - {high}"


def fact(value: Any) -> str:
    """A number, a spread, a text or nothing, as text."""
    if value is None:
        return "not measured"
    if isinstance(value, Mapping):
        median, quartiles = spread_cells(value)
        return f"{median} ({quartiles})"
    return value if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
