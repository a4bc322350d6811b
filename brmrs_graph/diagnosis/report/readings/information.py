"""In plain words: what the modalities know, by degree, by type of information, and differences between models."""

from __future__ import annotations

from brmrs_graph.diagnosis.report.measures import describe, is_shown
from brmrs_graph.diagnosis.report.numbers import BITS, PERCENT, RATIO, Json, measured, order, sign
from brmrs_graph.diagnosis.report.readings.wording import against, count, listing, quoted, sentence


def information(diagnosis: Json) -> list[str]:
    """What two modalities tell about which of two items was liked, and how much of it the fused score holds."""
    model = diagnosis["models"][0]
    lines = []
    for entry in model.get("information") or ():
        a, b, total = entry["first"], entry["second"], measured(entry, "total")
        if total is None:
            lines.append(f"What {a} and {b} tell together was not measured.")
            continue
        if not total.low > 0:
            lines.append(f"What {a} and {b} tell together, {BITS.text(total)}, is not distinguishable from nothing.")
            continue
        lines.append(
            f"Together the {a} and the {b} score carry {BITS.text(total)} about which of two items a user liked; 1 bit "
            "would be all there is to know."
        )
        kinds = {
            "redundancy": "in both (redundant)",
            "unique_first": f"in {a} only",
            "unique_second": f"in {b} only",
            "synergy": "in neither alone but in both together (synergistic)",
        }
        known = {text: x for atom, text in kinds.items() if (x := measured(entry, atom))}
        there = [f"{BITS.text(x)} {text}" for text, x in known.items() if sign(x) > 0]
        if there:
            lines.append(f"Of that, there are {listing(there)}.")
        absent = [text for text, x in known.items() if not sign(x) > 0]
        if absent:
            lines.append(sentence(f"what is {listing(absent, 'or')} is not distinguishable from nothing"))
    return [*(lines or [f"Information was not measured for {quoted(model['name'])}."]), *_utilisation(diagnosis)]


def _utilisation(diagnosis: Json) -> list[str]:
    x = measured(diagnosis["models"][0], "utilisation")
    if x is None:
        return ["How much of it the fused score holds was not measured."]
    text = f"The fused score holds {RATIO.text(x)} times as much information as the single scores together: "
    if x.high < 1:
        text += "fusing loses some."
    elif x.low > 1:
        text += "it knows something that no single modality does."
    else:
        text += "not distinguishable from all of it."
    return [text, *against(diagnosis, "utilisation")]


def degree(diagnosis: Json) -> list[str]:
    """Whether the rates rise or fall with how much is known of a user or an item."""
    model = diagnosis["models"][0]
    lines = []
    for part, of in (("by_user_degree", "users"), ("by_item_degree", "items")):
        for measure, bins in (model.get(part) or {}).items():
            known = {name: x for name in bins or () if (x := measured(bins, name))}
            if len(known) < 2:
                lines.append(sentence(f"{_words(measure)} by degree of {of} was not measured in two groups or more"))
                continue
            (low, first), *_, (high, last) = known.items()
            trend = {1: "it rises", -1: "it falls", 0: "no clear change"}[order(last, first)]
            lines.append(
                sentence(
                    f"{_words(measure)} is {PERCENT.text(first)} for {of} with {low} training interactions and "
                    f"{PERCENT.text(last)} for those with {high}: {trend}"
                )
            )
    return lines or [f"Nothing was measured by degree for {quoted(model['name'])}."]


def _words(measure: str) -> str:
    return measure.replace("_", " ")


def types(diagnosis: Json) -> list[str]:
    """Which kinds of information the fused ranking makes use of, where they are known."""
    model, k = diagnosis["models"][0], diagnosis["k"]
    known = {kind: x for kind in model.get("by_type") or () if (x := measured(model, "by_type", kind))}
    if not known:
        return ["What kind of information decides a test pair is not known for these data."]
    ranked = sorted(known.items(), key=lambda entry: entry[1].value)
    (least, low), (most, high) = ranked[0], ranked[-1]
    lines = [f"Of the test pairs of type {quoted(most)}, {PERCENT.text(high)} are among the first {k}."]
    if len(known) > 1:
        clear = order(high, low) > 0
        verdict = "clearly less" if clear else "not clearly less, as the intervals overlap"
        lines.append(f"Of those of type {quoted(least)}, it is {PERCENT.text(low)}: {verdict}.")
    for other in diagnosis["models"][1:]:
        beyond: dict[int, list[str]] = {1: [], -1: []}
        for kind, x in known.items():
            y = measured(other, "by_type", kind)
            if y is not None and (which := order(x, y)):
                beyond[which].append(f"{quoted(kind)} ({PERCENT.value(x.value)} against {PERCENT.value(y.value)})")
        name = quoted(other["name"])
        lines += [f"Clearly more than {name} finds: {listing(beyond[1])}."] if beyond[1] else []
        lines += [f"Clearly less than {name} finds: {listing(beyond[-1])}."] if beyond[-1] else []
        if not beyond[1] and not beyond[-1]:
            lines.append(f"For no type do the intervals set it apart from {name}.")
    return lines


def differences(diagnosis: Json) -> list[str]:
    """How many of the differences between models can be told from zero."""
    shown = [entry for entry in diagnosis["differences"] if is_shown(entry["measure"])]
    known = [(entry["measure"], x) for entry in shown if (x := measured(entry, "difference"))]
    if not known:
        return ["No other model was given to compare with."]
    apart = [sign(x) * describe(measure).better for measure, x in known if sign(x)]
    name = quoted(diagnosis["models"][0]["name"])
    return [
        f"Of {count(len(known), 'difference')}, {len(known) - len(apart)} cannot be told from zero. {name} is better "
        f"in {apart.count(1)} and worse in {apart.count(-1)}; in {apart.count(0)} it differs, but neither direction is "
        "better.",
        "One in twenty intervals misses the true value by chance alone, and measures of the same rankings go together: "
        "a single difference among many is weak evidence.",
    ]
