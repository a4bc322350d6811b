"""In plain words: look-alikes that one modality confuses and another tells apart, and the margins to negatives."""

from __future__ import annotations

import math

from brmrs_graph.diagnosis.report.numbers import PERCENT, POINTS, RATIO, Json, measured, order, sign
from brmrs_graph.diagnosis.report.readings.wording import against, beside, count, quoted
from brmrs_graph.evaluation import Estimate


def complementarity(diagnosis: Json) -> dict[str, list[str]]:
    """How often the fused score follows the modality that is fooled, by direction (as a heading)."""
    model = diagnosis["models"][0]
    readings: dict[str, list[str]] = {}
    for entry in model.get("complementarity") or ():
        lines = _content(entry) + _failure(entry)
        direction = f"{entry['confused']}\u2192{entry['right']}"
        for kind in ("content", "failure"):
            lines += against(diagnosis, f"complementarity/{direction}/{kind}/rate")
        readings[_heading(entry)] = lines
    return readings or {"": [f"Look-alikes were not measured for {quoted(model['name'])}."]}


def _heading(entry: Json) -> str:
    return f"{entry['confused']} confuses, {entry['right']} separates"


def _content(entry: Json) -> list[str]:
    a, b, rates = entry["confused"], entry["right"], entry["content"]
    rate, far, close = (measured(rates, name) for name in ("rate", "far", "close"))
    if rate is None:
        return [f"How often the fused score takes look-alikes in {a} for the liked item was not measured."]
    lines = [
        f"An item that is close to the liked one in {a} but not in {b} is scored at least as high by the fused score "
        f"in {PERCENT.text(rate)} of {count(rate.count, 'comparison')}."
    ]
    if far is not None and close is not None:
        lines.append(
            f"For equally popular items the rate is {PERCENT.text(far)} where they are far from the liked one in both, "
            f"and {PERCENT.text(close)} where they are close in both. {_position(rates, a, b)}"
        )
    lift = measured(rates, "lift")
    if lift is not None:
        verdict = "clearly more" if lift.low > 1 else "clearly less" if lift.high < 1 else "not distinguishable from 1"
        lines.append(f"The rate is {RATIO.text(lift)} times that of items far in both: {verdict}.")
    return lines


def _failure(entry: Json) -> list[str]:
    a, b, failure = entry["confused"], entry["right"], entry["failure"]
    rate, condition, of_sum, beyond = (
        measured(failure, name) for name in ("rate", "condition", "of_sum", "beyond_sum")
    )
    if rate is None:
        return [f"How often the fused score follows {a} where {a} is fooled and {b} is right was not measured."]
    when = "" if condition is None else f" (this is so in {PERCENT.text(condition)} of the comparisons)"
    lines = [
        f"Where {a} is fooled and {b} is right{when}, the fused score follows {a} in {PERCENT.text(rate)} of "
        f"{count(rate.count, 'case')}."
    ]
    if of_sum is not None and beyond is not None:
        words = {1: "clearly more often", -1: "clearly less often", 0: "not distinguishably more or less often"}
        lines.append(
            f"The plain sum of the two scores, each in standard deviations of its own, would follow {a} in "
            f"{PERCENT.text(of_sum)}; the fused score follows it {words[sign(beyond)]} "
            f"({POINTS.text(beyond, signed=True)})."
        )
    return lines


def _position(rates: Json, a: str, b: str) -> str:
    """Where a rate lies between its controls, by what the interval leaves open."""
    x, far, close = (measured(rates, name) for name in ("position", "far", "close"))
    if x is None or math.isnan(x.low) or math.isnan(x.high):
        reason = (rates.get("why_not") or {}).get("position") if isinstance(rates.get("why_not"), dict) else None
        return f"Where it lies between the two was not measured{f' ({reason})' if reason else ''}."
    text = f"On the way from far (0) to close (1) it lies at {RATIO.text(x)}"
    if far is not None and close is not None and order(close, far) != 1:
        return f"{text}; but far and close are not clearly apart themselves, so that this says little."
    return f"{text}: {_verdict(x, a, b)}."


def _verdict(x: Estimate, a: str, b: str) -> str:
    if x.low <= 0 and x.high >= 1:
        return "the interval covers both ends, which leaves it open"
    if x.high < 0:
        return "look-alikes are told apart even better than items that are far in both"
    if x.low <= 0:
        return f"not distinguishable from items far in both, so being alike in {a} does no measurable harm"
    if x.low > 1:
        return "look-alikes are confused even more often than items that are close in both"
    if x.high >= 1:
        return f"not distinguishable from items close in both, so the difference in {b} is of no measurable use"
    return f"in between, so {b} helps, but not as much as if the items differed in both"


def margins(diagnosis: Json) -> dict[str, list[str]]:
    """Whether CHNS negatives are hard in one modality and separable in the other, by direction (as a heading)."""
    model = diagnosis["models"][0]
    readings = {
        _heading(entry): [_hard(entry), _separable(entry), *_both(entry)] for entry in model.get("margins") or ()
    }
    return readings or {"": [f"Margins were not measured for {quoted(model['name'])}."]}


def _hard(entry: Json) -> str:
    a = entry["confused"]
    hard, easy = (measured(entry, kind, "confused_share") for kind in ("chns", "random"))
    if hard is None or easy is None:
        return f"How hard CHNS negatives are in {a} was not measured."
    stands = beside(hard, {"that of random negatives": easy}, PERCENT)[0]
    verdicts = {1: f"hard in {a}, as intended", -1: f"easier in {a}, against the intention", 0: "open"}
    return (
        f"The {a} score prefers the CHNS negative to the liked item in {PERCENT.text(hard)} of the draws. "
        f"This is {stands}: {verdicts[order(hard, easy)]}."
    )


def _separable(entry: Json) -> str:
    b = entry["right"]
    apart, usual = (measured(entry, kind, "separated_share") for kind in ("chns", "random"))
    if apart is None:
        return f"How well {b} tells CHNS negatives from the liked item was not measured."
    text = f"The {b} score prefers the liked item to that negative in {PERCENT.text(apart)} of the draws"
    if usual is not None:
        text += f", {beside(apart, {'the share for random negatives': usual}, PERCENT)[0]}"
    half = "more than half" if apart.low > 0.5 else "less than half" if apart.high < 0.5 else None
    verdict = f"{b} tells {half} of them apart" if half else f"whether {b} tells more than half apart is open"
    return f"{text}: {verdict}."


def _both(entry: Json) -> list[str]:
    both, usual = (measured(entry, kind, "both_share") for kind in ("chns", "random"))
    if both is None or usual is None:
        return []
    stands = beside(both, {"the share for random negatives": usual}, PERCENT)[0]
    return [f"Both hold at once in {PERCENT.text(both)} of the draws, {stands}."]
