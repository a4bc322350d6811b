"""Words for comparisons: what a number may be said to be, given its interval, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence

from brmrs_graph.diagnosis.report.measures import describe
from brmrs_graph.diagnosis.report.numbers import Json, Unit, measured, order, sign
from brmrs_graph.evaluation import Estimate


def quoted(name: str) -> str:
    """A model's name in quotes."""
    return f"\u201c{name}\u201d"


def listing(words: Sequence[str], last: str = "and") -> str:
    """Words in a row: "a", "a and b", "a, b and c"."""
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def count(number: int, noun: str) -> str:
    """A number of things, with thousands separated: "1 user", "2,500 users"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def sentence(text: str) -> str:
    """The text with a capital first letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def beside(x: Estimate, others: dict[str, Estimate], unit: Unit) -> list[str]:
    """How a value stands to others, by whether the intervals overlap.

    Intervals that overlap leave the order open, they do not show that two values are the same.

    Args:
        x: The value.
        others: What it is compared with, by name.
        unit: How the others are written.

    Returns:
        Phrases such as "clearly above visual (8.1 %)".
    """
    phrases = []
    for outcome, words in ((1, "clearly above"), (-1, "clearly below"), (0, "not clearly different from")):
        names = [f"{name} ({unit.value(other.value)})" for name, other in others.items() if order(x, other) == outcome]
        if names:
            phrases.append(f"{words} {listing(names)}")
    return phrases


def against(diagnosis: Json, measure: str) -> list[str]:
    """How the first model differs from the others in a measure, by paired differences.

    Args:
        diagnosis: The diagnosis.
        measure: The measure's name among the differences.

    Returns:
        One sentence, or none where there is nothing to compare with.
    """
    what = describe(measure, diagnosis["k"])
    words: dict[str, list[str]] = {"higher than": [], "lower than": [], "not distinguishable from": []}
    for entry in diagnosis["differences"]:
        difference = measured(entry, "difference")
        if entry["measure"] != measure or difference is None:
            continue
        kind = {1: "higher than", -1: "lower than", 0: "not distinguishable from"}[sign(difference)]
        words[kind].append(
            f"that of {quoted(entry['against'])} ({what.unit_of_difference.text(difference, signed=True)})"
        )
    parts = [f"{kind} {listing(phrases)}" for kind, phrases in words.items() if phrases]
    if not parts:
        return []
    better = {1: " Higher is better here.", -1: " Lower is better here.", 0: ""}[what.better]
    return [f"Paired over the same users, {what.label} is {'; it is '.join(parts)}.{better}"]
