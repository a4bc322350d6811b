"""Tables on the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from brmrs_graph.data.counted import counted

COLUMNS = ("recall@10", "recall@20", "ndcg@10", "ndcg@20")


def print_metrics(metrics: dict[str, Any], console: Console | None = None) -> None:
    """Prints the validation and test metrics of a run, the fused branch first, single modalities below."""
    console = console or Console()
    what = what_ran(metrics["model"], metrics["objective"], metrics["settings"].get("plug", ""))
    title = f"{what} on {metrics['dataset']}"
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
        if split == "test":
            for items, values in metrics.get("cold", {}).items():
                cells = [f"{values[column]:.4f}" for column in COLUMNS]
                table.add_row("", f"{items} items, {values['pairs']:,} pairs", *cells)
        table.add_section()
    console.print(table)


def what_ran(model: str, objective: str, plug: str = "") -> str:
    """A model with its objective and what is plugged in, for titles: ``freedom / bpr + chns + synergy``."""
    return f"{model} / {with_plugs(objective, plug)}"


def with_plugs(objective: str, plug: str = "") -> str:
    """An objective and what is plugged in: ``bpr + chns + synergy``."""
    return " + ".join([objective, *filter(None, plug.split(","))])


def diagnosis_table(record: dict[str, Any]) -> Table:
    """The headline figures of a diagnosis, a column for each model, with 95 % intervals."""
    data = record["dataset"]
    kind = " (synthetic data)" if data["synthetic"] else ""
    table = Table(title=f"diagnosis on {data['name']}{kind}, test", title_justify="left")
    table.add_column("")
    for model in record["models"]:
        table.add_column(f"{model['name']}\n{counted(len(model['seeds']), 'seed')}", justify="right")
    for name, values in diagnosis_rows(record).items():
        table.add_row(name, *(interval(value, "\n") for value in values))
    return table


def diagnosis_rows(record: dict[str, Any]) -> dict[str, list[dict[str, Any] | None]]:
    """The headline figures of a diagnosis: what it is -> its value in every model, None where not measured.

    The rows are those of the first model. Others may have their modalities in another order, or lack some.
    """
    models, k = record["models"], record["k"]
    first = models[0]
    rows = {f"R@{k} {branch}": [m["recall"].get(branch) for m in models] for branch in first["recall"]}
    rows |= {f"R@{k} {m} alone": [model["alone"].get(m) for model in models] for m in first["alone"]}
    parts = {
        "fusion_loss": "fusing loses the pair",
        "fusion_keeps": "fusing keeps it",
        "synergy": "only fused finds it",
    }
    rows |= {what: [m["partition"]["summary"][part] for m in models] for part, what in parts.items()}
    rows["only a modality of another seed"] = [m["partition"]["synergy_chance"] for m in models]
    hurt = {
        "users hurt: own branches": ("in_model", "all_users"),
        "a single modality in its place": ("in_model", "of_single"),
        "users hurt: beyond a single modality": ("in_model", "beyond_single"),
        "users hurt: other seeds": ("chance", "all_users"),
        "users hurt: beyond other seeds": ("excess", "all_users"),
        "users hurt: models alone": ("trained_alone", "all_users"),
    }
    for what, (name, part) in hurt.items():
        rows[what] = [(m["degeneration"][name] or {}).get(part) for m in models]
    rates = [_rates(m) for m in models]
    for direction, of_first in rates[0].items():
        for what in of_first:
            rows[f"{what} {'→'.join(direction)}"] = [of_model.get(direction, {}).get(what) for of_model in rates]
    bits = [_bits(m) for m in models]
    for pair, of_first in bits[0].items():
        of_pair = f" of {' and '.join(sorted(pair))}" if len(bits[0]) > 1 else ""
        rows |= {f"bits{of_pair}, {what}": [of_model.get(pair, {}).get(what) for of_model in bits] for what in of_first}
    rows["utilisation"] = [m["utilisation"] for m in models]
    for kind in first["by_type"] or {}:
        rows[f"R@{k} of pairs {kind}"] = [(m["by_type"] or {}).get(kind) for m in models]
    return rows


def _rates(model: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """(confused, right) modality -> how often look-alikes win, by what a table calls it."""
    return {
        (direction["confused"], direction["right"]): {
            "look-alike wins": direction["content"]["rate"],
            "far (0) to close (1)": direction["content"]["position"],
            "failure proper": direction["failure"]["rate"],
            "failure of a plain sum": direction["failure"]["of_sum"],
        }
        for direction in model["complementarity"]
    }


def _bits(model: dict[str, Any]) -> dict[frozenset[str], dict[str, Any]]:
    """Two modalities, in any order -> the parts of their information, by what a table calls them."""
    return {
        frozenset((part["first"], part["second"])): {
            "redundant": part["redundancy"],
            part["first"]: part["unique_first"],
            part["second"]: part["unique_second"],
            "synergy": part["synergy"],
        }
        for part in model["information"]
    }


def interval(value: dict[str, Any] | None, between: str = " ") -> str:
    """A value of a diagnosis with its interval."""
    if value is None:
        return "not measured"
    ends = "" if value["low"] is None else f"{between}[{value['low']:.3f}, {value['high']:.3f}]"
    return f"{value['value']:.4f}{ends}"
