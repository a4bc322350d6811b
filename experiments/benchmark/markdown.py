"""The figures of the benchmark as tables in markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from experiments.benchmark.machine import measured_on
from experiments.benchmark.tables import fact, flat, spread_cells

Part = Mapping[str, Any]

HEAD = ("| part | what | ms | quartiles | over ours | quartiles |", "|---|---|---:|---|---:|---|")


def markdown(parts: Mapping[str, Part]) -> list[str]:
    """Lines for a page: what was compared in one table, tables of rows after it, facts, and the commands.

    Args:
        parts: Part -> its figures, as the file of a benchmark has them under ``parts``.
    """
    lines = []
    if compared := [row for name, part in parts.items() for row in _compared(name, part)]:
        lines += [
            "| part | what | ms | quartiles | over ours | quartiles |",
            "|---|---|---:|---|---:|---|",
            *compared,
            "",
        ]
    for name, part in parts.items():
        if "rows" in part:
            lines += [*_rows(name, part["rows"]), ""]
    facts = [
        f"* {name}: {label} {fact(x)}" for name, part in parts.items() for label, x in part.get("facts", {}).items()
    ]
    return [*lines, *facts, "", *_commands(parts)]


def _compared(name: str, part: Part) -> Iterator[str]:
    for title, comparison in part.get("comparisons", {}).items():
        for what, seconds in comparison["seconds"].items():
            cells = [f"{name}, {title}", what]
            cells += [seconds, ""] if isinstance(seconds, str) else spread_cells(seconds, 1000)
            cells += spread_cells(comparison["ratios"][what]) if what in comparison["ratios"] else ("", "")
            yield f"| {' | '.join(cells)} |"


def _rows(name: str, rows: Mapping[str, Any]) -> list[str]:
    table = {row: dict(flat(values)) for row, values in rows.items()}
    columns = list(dict.fromkeys(column for row in table.values() for column in row))
    return [
        f"| {' | '.join([name, *columns])} |",
        f"|---|{'---:|' * len(columns)}",
        *(
            f"| {' | '.join([f'`{row}`', *(fact(values[c]) if c in values else '' for c in columns)])} |"
            for row, values in table.items()
        ),
    ]


def _commands(parts: Mapping[str, Part]) -> list[str]:
    """Each command once, with what it was run on."""
    commands: dict[tuple[str, str], list[str]] = {}
    for name, part in parts.items():
        commands.setdefault((part["command"], measured_on(part)), []).append(name)
    return [f"`{command}` ({where}): {', '.join(names)}" for (command, where), names in commands.items()]
