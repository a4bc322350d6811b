"""The table of a study: as markdown and on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table


def markdown(results: Mapping[str, Any]) -> str:
    """The study as a markdown page: what it asks, the table, the figure, how to repeat it."""
    lines = [
        f"# {results['name']}",
        "",
        results["asks"],
        "",
        *markdown_table(results, _quantities(results)),
        "",
        f"![{results['asks']}]({results['name']}.svg)",
        "",
        f"`{results['command']}` ({made_from(results)})",
        "",
    ]
    return "\n".join(lines)


def markdown_table(results: Mapping[str, Any], quantities: Sequence[str]) -> list[str]:
    """Some quantities of the study as the lines of a markdown table."""
    head, rows = _cells(results, " ± ", quantities)
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]


def terminal(results: Mapping[str, Any]) -> Table:
    """The table for the terminal: the quantities that are drawn."""
    head, rows = _cells(results, "\n±", results["drawn"])
    table = Table(title=results["asks"], title_justify="left", caption=made_from(results), caption_justify="left")
    texts = head.index("arm") + 1
    for column, name in enumerate(head):
        table.add_column(name, justify="left" if column < texts else "right", no_wrap=name == "arm")
    previous = ""
    for cells in rows:
        part = cells[0] if texts > 1 else ""
        if previous and part != previous:
            table.add_section()
        table.add_row(*(["" if part == previous else part] if part else []), *cells[texts - 1 :])
        previous = part
    return table


def _cells(results: Mapping[str, Any], plus_minus: str, quantities: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The head and the rows: one for every point, or, for one quantity at points that have names, one for every arm."""
    panels = results["panels"]
    labels = list(dict.fromkeys(panels.values()))
    names = dict.fromkeys(row["x"] for row in results["rows"])
    if len(panels) == len(quantities) == 1 and all(isinstance(name, str) for name in names):
        by_arm: dict[str, dict[str, str]] = {row["arm"]: {} for row in results["rows"]}
        for row in results["rows"]:
            by_arm[row["arm"]][row["x"]] = _cell(row["values"][quantities[0]], plus_minus)
        rows = [[arm, *(cells.get(name, "") for name in names)] for arm, cells in by_arm.items()]
        return ["arm", *names], rows
    several = len(panels) > 1
    head = [*(["part"] if several else []), "arm", labels[0] if len(labels) == 1 else "at", *quantities]
    rows = []
    for row in results["rows"]:
        at = f"{row['x']:g}" if isinstance(row["x"], int | float) else row["x"]
        values = [_cell(row["values"].get(quantity), plus_minus) for quantity in quantities]
        rows.append([*([row["panel"]] if several else []), row["arm"], at, *values])
    return head, rows


def _quantities(results: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(quantity for row in results["rows"] for quantity in row["values"]))


def _cell(value: Mapping[str, Any] | None, plus_minus: str) -> str:
    if value is None:
        return ""
    if value["mean"] is None:
        return "not measured"
    return f"{value['mean']:.4f}" + ("" if value["std"] is None else f"{plus_minus}{value['std']:.4f}")


def made_from(results: Mapping[str, Any]) -> str:
    """What stands under a table: seeds and data."""
    kind = "synthetic data; " if results["data"]["synthetic"] else ""
    number = len(results["seeds"])
    seeds = f"{number} seeds, mean ± standard deviation" if number > 1 else "one seed: nothing tells the spread"
    quantities = _quantities(results)
    hashes = dict.fromkeys(row["data"] for row in results["rows"])
    data = next(iter(hashes)) + (f" and {len(hashes) - 1} more, see the JSON file" if len(hashes) > 1 else "")
    of = f"{quantities[0]} by {next(iter(results['panels'].values()))}; " if len(quantities) == 1 else ""
    quick = "; --quick: nothing was learned, the figures mean nothing" if results["quick"] else ""
    return f"{of}{kind}{seeds}; data {data}{quick}"
