"""Tables on the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

COLUMNS = ("recall@10", "recall@20", "ndcg@10", "ndcg@20")


def print_metrics(metrics: dict[str, Any], console: Console | None = None) -> None:
    """Prints the validation and test metrics of a run, the fused branch first, single modalities below."""
    console = console or Console()
    title = f"{metrics['model']} / {metrics['objective']} on {metrics['dataset']}"
    if metrics["data"]["synthetic"]:
        title += " (synthetic data)"
    table = Table(title=title, title_justify="left")
    table.add_column("split")
    table.add_column("branch")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for split in ("valid", "test"):
        rows = {"fused": metrics[split]} | metrics["branches"][split]
        for number, (branch, values) in enumerate(rows.items()):
            cells = [f"{values[column]:.4f}" for column in COLUMNS]
            style = "bold" if branch == "fused" else None
            table.add_row(split if number == 0 else "", branch, *cells, style=style)
        table.add_section()
    console.print(table)


def comparison_table(results: dict[str, Any]) -> Table:
    """The table of a comparison: mean ± standard deviation over seeds, difference from the reference, p-value."""
    kind = " (synthetic data)" if results["data"]["synthetic"] else ""
    table = Table(
        title=f"{results['name']}: test on {results['dataset']}{kind}, {len(results['seeds'])} seeds",
        title_justify="left",
        caption=f"Δ: {results['reference']} minus arm in test R@20, 95 % interval over users and seeds",
        caption_justify="left",
    )
    table.add_column("arm", no_wrap=True)
    for column in ("valid R@20", "test R@20", "test N@20", "Δ", "p"):
        table.add_column(column, justify="right")
    for name, arm in results["arms"].items():
        cells = [_plus_minus(arm["valid"]["recall@20"])]
        cells += [_plus_minus(arm["test"][metric]) for metric in ("recall@20", "ndcg@20")]
        test = results["against_reference"].get(name)
        if test is None:
            cells += ["reference", ""]
        else:
            cells += [f"{test['mean']:+.4f}\n[{test['low']:+.4f}, {test['high']:+.4f}]", f"{test['p']:.4f}"]
        table.add_row(name, *cells)
    return table


def _plus_minus(value: dict[str, float]) -> str:
    return f"{value['mean']:.4f}\n±{value['std']:.4f}"
