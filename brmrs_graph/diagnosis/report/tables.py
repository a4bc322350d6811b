"""The numbers of a diagnosis as tables: one column a model, one row a quantity, intervals beside the values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

from brmrs_graph.branches import FUSED
from brmrs_graph.diagnosis.report.measures import describe, is_shown
from brmrs_graph.diagnosis.report.numbers import (
    BITS,
    METRIC,
    NOT_MEASURED,
    PERCENT,
    POINTS,
    RATIO,
    Json,
    Unit,
    entry_of,
    measured,
    modalities,
    sign,
)
from brmrs_graph.evaluation import Estimate


@dataclass(frozen=True)
class Cell:
    """One number.

    Args:
        value: The number with its unit, or "not measured".
        interval: Its interval in brackets, or nothing.
        verdict: For differences, what may be said of them.
    """

    value: str
    interval: str = ""
    verdict: str = ""


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Args:
        caption: What it holds.
        head: Column heads, the first that of the row heads.
        rows: Row head and cells.
        detail: Whether it is folded away until asked for.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    detail: bool = False


Row = tuple[str, Unit, Callable[[Json], Estimate | None]]
"""Row head, unit, and where the value is in a model."""


def cell(x: Estimate | None, unit: Unit, *, signed: bool = False) -> Cell:
    """A value as a cell."""
    return (
        Cell(NOT_MEASURED) if x is None else Cell(unit.value(x.value, signed=signed), unit.interval(x, signed=signed))
    )


def of_models(caption: str, diagnosis: Json, rows: Sequence[Row], *, detail: bool = False) -> Table:
    """A table with one column a model."""
    models = diagnosis["models"]
    body = tuple((head, tuple(cell(of(model), unit) for model in models)) for head, unit, of in rows)
    return Table(caption, ("", *(model["name"] for model in models)), body, detail)


def _at(*path: str) -> Callable[[Json], Estimate | None]:
    return lambda model: measured(model, *path)


def _entry(part: str, keys: dict[str, str], *path: str) -> Callable[[Json], Estimate | None]:
    return lambda model: measured(entry_of(model, part, **keys), *path)


def recall(diagnosis: Json) -> list[Table]:
    """Recall by branch, and of models trained alone."""
    names, k = modalities(diagnosis), diagnosis["k"]
    rows: list[Row] = [(f"{name} ranking", METRIC, _at("recall", name)) for name in (FUSED, *names)]
    rows += [(f"{name}, trained alone", METRIC, _at("alone", name)) for name in names]
    return [of_models(f"Recall@{k} on the test pairs, averaged over users, with 95 % intervals", diagnosis, rows)]


def partition(diagnosis: Json) -> list[Table]:
    """The parts of the partition, and all its cells."""
    parts = {
        "fusion_loss": "Fusion loss: a modality finds it, the fused ranking does not",
        "fusion_keeps": "Fusion keeps: a modality and the fused ranking find it",
        "synergy": "Synergy: only the fused ranking finds it",
        "none": "No ranking finds it",
    }
    rows: list[Row] = [(text, PERCENT, _at("partition", "summary", part)) for part, text in parts.items()]
    chance = "Chance: a modality of another seed finds what none does here"
    rows.append((chance, PERCENT, _at("partition", "synergy_chance")))
    rows.append(("Synergy minus that chance", POINTS, _at("partition", "synergy_beyond_chance")))
    tables = [of_models("Shares of the held-out pairs, with 95 % intervals", diagnosis, rows)]
    for order in dict.fromkeys(tuple((m.get("partition") or {}).get("order") or ()) for m in diagnosis["models"]):
        cells = [f"{number:0{len(order)}b}" for number in reversed(range(2 ** len(order)))] if order else []
        these = [m for m in diagnosis["models"] if tuple((m.get("partition") or {}).get("order") or ()) == order]
        if cells:
            rows = [(_finders(order, key), PERCENT, _at("partition", "cells", key)) for key in cells]
            caption = f"All {len(cells)} cells: which rankings have the liked item among the first {diagnosis['k']}"
            tables.append(of_models(caption, {"models": these}, rows, detail=True))
    return tables


def _finders(order: Sequence[str], key: str) -> str:
    by = [name for name, hit in zip(order, key, strict=True) if hit == "1"]
    return f"{key}: {' + '.join(by) if by else 'none'}"


def degeneration(diagnosis: Json) -> list[Table]:
    """Degeneration rates, beside chance."""
    k = diagnosis["k"]
    kinds = {"in_model": "Below the best of its own branches", "trained_alone": "Below the best modality trained alone"}
    users = {"all_users": "all users", "users_with_hits": "users with a hit in any ranking"}
    rows: list[Row] = []
    for kind, text in kinds.items():
        rows += [(f"{text}, {of}", PERCENT, _at("degeneration", kind, group)) for group, of in users.items()]
        rows.append((f"{text}: mean loss of NDCG@{k}", METRIC, _at("degeneration", kind, "mean_loss")))
        rows.append((f"{text}: a single modality in its place", PERCENT, _at("degeneration", kind, "of_single")))
        rows.append((f"{text}: minus that", POINTS, _at("degeneration", kind, "beyond_single")))
    for kind, text, unit in (
        ("chance", "By chance: below the best of as many other seeds", PERCENT),
        ("excess", "Own branches minus that of other seeds", POINTS),
    ):
        rows += [(f"{text}, {of}", unit, _at("degeneration", kind, group)) for group, of in users.items()]
    return [of_models("Share of users whom fusing hurts, with 95 % intervals", diagnosis, rows)]


def complementarity(diagnosis: Json) -> list[Table]:
    """Failure rates with their controls, one table a direction."""
    rates = {
        "rate": ("rate", PERCENT),
        "far": ("rate for items far in both", PERCENT),
        "close": ("rate for items close in both", PERCENT),
        "position": ("position from far (0) to close (1)", RATIO),
        "lift": ("rate / rate of far items", RATIO),
    }
    failures = {
        "rate": ("rate", PERCENT),
        "of_sum": ("rate of a plain sum of both", PERCENT),
        "beyond_sum": ("rate minus that of a plain sum", POINTS),
    }
    tables = []
    for a, b in permutations(modalities(diagnosis), 2):
        at = ("complementarity", {"confused": a, "right": b})
        rows: list[Row] = [(f"Content: {text}", u, _entry(*at, "content", key)) for key, (text, u) in rates.items()]
        condition = f"Condition: {a} is fooled and {b} is right, share of comparisons"
        rows.append((condition, PERCENT, _entry(*at, "failure", "condition")))
        rows += [(f"Failure proper: {text}", u, _entry(*at, "failure", key)) for key, (text, u) in failures.items()]
        tables.append(of_models(f"{a} confuses, {b} separates", diagnosis, rows))
    return tables


def margins(diagnosis: Json) -> list[Table]:
    """Shares and medians of margins against each kind of negative, one table a direction."""
    sources: dict[str, None] = {}
    for model in diagnosis["models"]:
        for entry in model.get("margins") or ():
            sources |= dict.fromkeys(key for key, value in entry.items() if isinstance(value, dict))
    tables = []
    for a, b in permutations(modalities(diagnosis), 2):
        at = ("margins", {"confused": a, "right": b})
        rows: list[Row] = []
        for key, text, unit in (
            ("confused_share", f"{a} prefers the negative", PERCENT),
            ("separated_share", f"{b} prefers the liked item", PERCENT),
            ("both_share", "both at once", PERCENT),
            ("median_confused", f"median margin in {a}", RATIO),
            ("median_right", f"median margin in {b}", RATIO),
        ):
            rows += [(f"{text}, {_source(source)} negatives", unit, _entry(*at, source, key)) for source in sources]
        tables.append(of_models(f"{a} confuses, {b} separates", diagnosis, rows))
    return tables


def _source(name: str) -> str:
    return {"chns": "CHNS", "chns-graph": "CHNS (item graph)"}.get(name, name)


def information(diagnosis: Json) -> list[Table]:
    """The atoms in bits, one table a pair of modalities, and utilisation."""
    tables = []
    for a, b in combinations(modalities(diagnosis), 2):
        at = ("information", {"first": a, "second": b})
        atoms = {
            "total": f"{a} and {b} together",
            "redundancy": "in both (redundant)",
            "unique_first": f"in {a} only",
            "unique_second": f"in {b} only",
            "synergy": "in neither alone (synergistic)",
        }
        rows: list[Row] = [(text, BITS, _entry(*at, atom)) for atom, text in atoms.items()]
        tables.append(of_models(f"Information in {a} and {b}, in bits of at most 1", diagnosis, rows))
    rows = [("Utilisation", RATIO, _at("utilisation"))]
    tables.append(of_models("Information of the fused score / of the single scores together", diagnosis, rows))
    return tables


def degree(diagnosis: Json) -> list[Table]:
    """One table for each measure that is known by degree."""
    tables = []
    for part, of in (("by_user_degree", "user"), ("by_item_degree", "item")):
        bins: dict[str, dict[str, None]] = {}
        for model in diagnosis["models"]:
            for measure, values in (model.get(part) or {}).items():
                bins[measure] = bins.get(measure, {}) | dict.fromkeys(values or ())
        for measure, names in bins.items():
            rows: list[Row] = [(name, PERCENT, _at(part, measure, name)) for name in names]
            caption = f"{measure.replace('_', ' ')} by training interactions of the {of}"
            tables.append(of_models(f"{caption[:1].upper()}{caption[1:]}", diagnosis, rows, detail=True))
    return tables


def types(diagnosis: Json) -> list[Table]:
    """Recall of the fused ranking by type of information."""
    kinds = dict.fromkeys(kind for model in diagnosis["models"] for kind in model.get("by_type") or ())
    rows: list[Row] = [(kind, METRIC, _at("by_type", kind)) for kind in kinds]
    return [of_models(f"Recall@{diagnosis['k']} of the fused ranking by type of test pair", diagnosis, rows)]


def differences(diagnosis: Json) -> list[Table]:
    """The first model minus each other one, one row a measure."""
    entries = [entry for entry in diagnosis["differences"] if is_shown(entry["measure"])]
    others = list(dict.fromkeys(entry["against"] for entry in entries))
    found = {(entry["against"], entry["measure"]): measured(entry, "difference") for entry in entries}
    rows = []
    for name in dict.fromkeys(entry["measure"] for entry in entries):
        measure = describe(name, diagnosis["k"])
        cells = []
        for other in others:
            x, unit = found.get((other, name)), measure.unit_of_difference
            shown = cell(x, unit, signed=True)
            cells.append(shown if x is None else Cell(shown.value, shown.interval, _verdict(x, measure.better)))
        rows.append((measure.label, tuple(cells)))
    first = diagnosis["models"][0]["name"]
    caption = f"{first} minus the other model, paired over users, with 95 % intervals"
    return [Table(caption, ("", *(f"minus {other}" for other in others)), tuple(rows))] if rows else []


def _verdict(difference: Estimate, better: int) -> str:
    which = sign(difference)
    if not which:
        return "unclear"
    return {1: "better", -1: "worse", 0: "higher" if which > 0 else "lower"}[which * better]
