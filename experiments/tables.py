"""Puts the results in ``experiments/results/`` into the README: ``python -m experiments.tables``.

A block of the README between ``<!-- results: NAME -->`` and ``<!-- end -->`` holds the table of ``NAME.json``.
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
from experiments.catalog import REPOSITORY

README = REPOSITORY / "README.md"
RESULTS = Path(__file__).resolve().parent / "results"
BLOCK = re.compile(r"(<!-- results: (\S+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def command(arguments: Sequence[str]) -> None:
    """Rewrites the README."""
    if arguments:
        raise ConfigError("experiments.tables takes no options; it rewrites the tables of README.md from results/")
    write_bytes(README, update(README.read_text()).encode())


def update(text: str) -> str:
    """A text with every block of results written anew.

    Raises:
        ConfigError: If a block names results that are not there.
    """
    return BLOCK.sub(lambda match: match[1] + render(read(match[2])) + match[4], text)


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


def render(results: dict[str, Any]) -> str:
    """A comparison as markdown: test metrics, difference from the reference, and how to repeat it."""
    reference = results["reference"]
    lines = [
        f"| arm | valid R@20 | test R@20 | test N@20 | {reference} minus arm, R@20 [95 %] | p |",
        "|---|---|---|---|---|---|",
    ]
    best = max(arm["test"]["recall@20"]["mean"] for arm in results["arms"].values())
    for name, arm in results["arms"].items():
        test = results["against_reference"].get(name)
        recall = _cell(arm["test"]["recall@20"])
        if arm["test"]["recall@20"]["mean"] == best:
            recall = f"**{recall}**"
        cells = [f"`{name}`", _cell(arm["valid"]["recall@20"]), recall, _cell(arm["test"]["ndcg@20"])]
        if test is None:
            cells += ["", ""]
        else:
            cells += [f"{test['mean']:+.4f} [{test['low']:+.4f}, {test['high']:+.4f}]", f"{test['p']:.4f}"]
        lines.append(f"| {' | '.join(cells)} |")
    kind = "synthetic data; " if results["data"]["synthetic"] else ""
    lines += [
        "",
        f"`{results['command']}` ({kind}{len(results['seeds'])} seeds, mean ± standard deviation; "
        f"data {results['data']['hash']})",
        "",
    ]
    return "\n".join(lines)


def _cell(value: dict[str, float]) -> str:
    return f"{value['mean']:.4f} ± {value['std']:.4f}"


if __name__ == "__main__":
    sys.exit(cli.main(command))
