"""Puts the results in ``experiments/results/`` into README and docs: ``python -m experiments.tables``.

A block of a page between ``<!-- results: NAME -->`` and ``<!-- end -->`` holds the table of ``NAME.json``; of a
comparison, ``NAME:VIEW`` is another of its tables, ``NAME NAME ...`` are several, one row for each, and
``NAME NAME ...:arms`` are several, one column for each.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from brmrs_graph.errors import ConfigError
from brmrs_graph.files import write_bytes
from experiments import cli
from experiments.benchmark.markdown import markdown
from experiments.catalog import REPOSITORY
from experiments.comparison.forms import markdown_lines
from experiments.comparison.table import ACROSS, VIEWS
from experiments.report import diagnosis_rows, interval
from experiments.study.table import made_from, markdown_table

PAGES = (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")))
RESULTS = Path(__file__).resolve().parent / "results"
BLOCK = re.compile(r"(<!-- results: (\S+(?: \S+)*) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def command(arguments: Sequence[str]) -> None:
    """Rewrites the pages."""
    if arguments:
        raise ConfigError(
            "experiments.tables takes no options; it rewrites the tables of README and docs from results/"
        )
    for page in PAGES:
        write_bytes(page, update(page.read_text()).encode())


def update(text: str) -> str:
    """A text with every block of results written anew.

    Raises:
        ConfigError: If a block names results that are not there.
    """

    def rendered(match: re.Match[str]) -> str:
        names, _, view = match[2].partition(":")
        found = [read(name) for name in names.split()]
        table = render(found[0], view or "main") if len(found) == 1 else _across(found, view or "main")
        return match[1] + table + match[4]

    return BLOCK.sub(rendered, text)


def read(name: str) -> dict[str, Any]:
    """The results of a comparison by name.

    Raises:
        ConfigError: If there are none.
    """
    path = RESULTS / f"{name}.json"
    if not path.is_file():
        raise ConfigError(f"{path} is missing; make it with experiments.compare and --results")
    results: dict[str, Any] = json.loads(path.read_text())
    return results


def render(results: dict[str, Any], view: str = "main") -> str:
    """Results as markdown: of a comparison (one of its tables), a diagnosis, a benchmark or a study."""
    if "models" in results:
        return _diagnosis(results)
    if "parts" in results:
        return "\n".join([*markdown(results["parts"]), ""])
    return _study(results) if "study" in results else _comparison(results, view)


def _diagnosis(record: dict[str, Any]) -> str:
    """The headline figures, a column for each model, with 95 % intervals, and how to repeat it."""
    data, models = record["dataset"], record["models"]
    kind = "synthetic data; " if data["synthetic"] else ""
    *some, most = sorted({len(model["seeds"]) for model in models})
    seeds = f"{', '.join(map(str, some))} or {most}" if some else str(most)
    names = [f"`{model['name']}`" for model in models]
    lines = [
        f"| | {' | '.join(names)} |",
        f"|{'---|' * (len(models) + 1)}",
        *(f"| {name} | {' | '.join(map(interval, row))} |" for name, row in diagnosis_rows(record).items()),
        "",
        f"`{record['command']}` ({kind}{seeds} seeds, 95 % intervals; data {data['hash']})",
        "",
    ]
    return "\n".join(lines)


def _study(results: dict[str, Any]) -> str:
    """What is drawn of a study, and how to repeat it."""
    lines = [*markdown_table(results, results["drawn"]), "", f"`{results['command']}` ({made_from(results)})", ""]
    return "\n".join(lines)


def _across(comparisons: Sequence[dict[str, Any]], view: str) -> str:
    """A table of several comparisons.

    Raises:
        ConfigError: If there is no such table.
    """
    if view not in ACROSS:
        raise ConfigError(f"several results have no table '{view}'; choose among {', '.join(ACROSS)}")
    return "\n".join([*markdown_lines(ACROSS[view](comparisons)), ""])


def _comparison(results: dict[str, Any], view: str) -> str:
    """A table of a comparison, and how to repeat it."""
    return "\n".join([*markdown_lines(VIEWS[view](results)), "", f"`{results['command']}`", ""])


if __name__ == "__main__":
    sys.exit(cli.main(command))
