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
