"""In plain words: recall, who finds the held-out pairs, and how often fusing hurts."""

from __future__ import annotations

import math

from brmrs_graph.branches import FUSED
from brmrs_graph.diagnosis.report.numbers import METRIC, PERCENT, POINTS, Json, measured, order, sign
from brmrs_graph.diagnosis.report.readings.wording import against, beside, count, listing, quoted
from brmrs_graph.evaluation import Estimate


def answer(diagnosis: Json) -> tuple[str, list[str]]:
    """What the whole report comes down to.

    Returns:
        One headline, and a few sentences that qualify it.
    """
    model = diagnosis["models"][0]
    name, fused = quoted(model["name"]), listing(model["modalities"])
    rate = measured(model, "degeneration", "in_model", "all_users")
    single, beyond = (measured(model, "degeneration", "in_model", part) for part in ("of_single", "beyond_single"))
    if rate is None:
        return f"How often fusing {fused} hurts was not measured for {name}.", partition(diagnosis)[:2]
    head = f"Fusing {fused} hurts {PERCENT.value(rate.value)} of the users of {name}"
    if single is None or beyond is None or math.isnan(beyond.low):
        head += "; what a single modality would do in its place was not measured."
    else:
        words = {1: "more than", -1: "less than", 0: "not distinguishable from"}[sign(beyond)]
        head += f"; {words} the {PERCENT.value(single.value)} for whom a single modality is below the others."
    compared = against(diagnosis, "degeneration/in_model/all_users")
    return head, [*degeneration(diagnosis)[:2], *compared, *recall(diagnosis)[:2], *partition(diagnosis)[:3]]


def recall(diagnosis: Json) -> list[str]:
    """How many of the liked items the fused ranking and the single modalities find."""
    model, k = diagnosis["models"][0], diagnosis["k"]
    name, x = quoted(model["name"]), measured(model, "recall", FUSED)
    if x is None:
        return [f"The recall of the fused ranking of {name} was not measured."]
    lines = [f"On average, the first {k} items of the fused ranking hold {PERCENT.text(x)} of a user's held-out items."]
    single = {m: e for m in model["modalities"] if (e := measured(model, "recall", m))}
    if single:
        lines.append(f"Compared with its single modalities, this is {listing(beside(x, single, PERCENT))}.")
    alone = {m: e for m in model["modalities"] if (e := measured(model, "alone", m))}
    if alone:
        stands = listing(beside(x, alone, PERCENT))
        lines.append(f"Compared with models of one modality trained alone, it is {stands}.")
    for m, e in alone.items():
        if m in single:
            stands = beside(single[m], {"the model trained alone": e}, PERCENT)[0]
            lines.append(f"The {m} branch inside {name} ({PERCENT.value(single[m].value)}) is {stands}.")
    if not alone:
        lines.append("No model of one modality trained alone was given, so that comparison was not measured.")
    for branch in (FUSED, *single):
        lines += against(diagnosis, f"recall/{branch}")
    return lines


def partition(diagnosis: Json) -> list[str]:
    """What fusing loses, keeps and wins among the held-out pairs."""
    model, k = diagnosis["models"][0], diagnosis["k"]
    loss, keeps, synergy, none = (
        measured(model, "partition", "summary", part) for part in ("fusion_loss", "fusion_keeps", "synergy", "none")
    )
    lines = []
    if loss is not None:
        text = (
            f"In {PERCENT.text(loss)} of the {count(loss.count, 'held-out pair')} a single modality has the liked item"
        )
        lines.append(f"{text} among its first {k} and the fused ranking has not: fusing loses them.")
    if synergy is not None:
        lines.append(f"{PERCENT.text(synergy)} are found by the fused ranking alone: this is synergy.")
    if loss is not None and synergy is not None:
        lines.append(_balance(loss, synergy))
    if keeps is not None and none is not None:
        lines.append(
            f"{PERCENT.text(keeps)} are found by a modality and the fused ranking alike; {PERCENT.text(none)} are "
            "found by no ranking at all."
        )
    chance = measured(model, "partition", "synergy_chance")
    if chance is None:
        lines.append(f"What another seed would find by chance was not measured{_reason(model['partition'])}.")
    elif (beyond := measured(model, "partition", "synergy_beyond_chance")) is not None:
        words = {1: "clearly above", -1: "clearly below", 0: "not clearly different from"}[sign(beyond)]
        lines.append(
            f"A single modality of a second training run, with nothing but another seed, finds {PERCENT.text(chance)} "
            f"that no single modality of this one finds. Synergy is {words} that ({POINTS.text(beyond, signed=True)})."
        )
    for part in ("fusion_loss", "synergy"):
        lines += against(diagnosis, f"partition/summary/{part}")
    return lines or ["Who finds the held-out pairs was not measured."]


def _balance(loss: Estimate, synergy: Estimate) -> str:
    words = {
        1: "More pairs are lost by fusing than are found by the fused ranking alone.",
        -1: "Fewer pairs are lost by fusing than are found by the fused ranking alone.",
        0: "Whether more pairs are lost by fusing or found by the fused ranking alone is open: the intervals overlap.",
    }
    return words[order(loss, synergy)]


def degeneration(diagnosis: Json) -> list[str]:
    """For how many users fusing hurts, beside what chance gives."""
    model, k = diagnosis["models"][0], diagnosis["k"]
    part = model["degeneration"]
    rate = measured(part, "in_model", "all_users")
    if rate is None:
        lines = ["How many users the fused ranking serves worse than its best branch was not measured."]
    else:
        lines = [
            f"For {PERCENT.text(rate)} of {count(rate.count, 'user')} with held-out items, NDCG@{k} of the fused "
            "ranking is lower than that of the best single modality of the same model.",
            *_beside_single(measured(part, "in_model", "of_single"), measured(part, "in_model", "beyond_single")),
        ]
        chance, excess = (measured(part, kind, "all_users") for kind in ("chance", "excess"))
        if chance is None or excess is None:
            lines.append(
                f"How often other seeds of the same model are ahead by luck was not measured{_reason(part, 'chance')}."
            )
        else:
            lines.append(
                f"Against as many fused rankings that differ in the seed only, the rate is {PERCENT.text(chance)}. "
                f"{_excess(excess)}"
            )
    found = measured(part, "in_model", "users_with_hits")
    if found is not None:
        beyond = measured(part, "excess", "users_with_hits")
        lines.append(
            f"Among the users for whom any of these rankings has a hit, the rate is {PERCENT.text(found)}"
            f"{'' if beyond is None else f', {POINTS.text(beyond, signed=True)} relative to other seeds'}."
        )
    loss = measured(part, "in_model", "mean_loss")
    if loss is not None:
        lines.append(
            f"Averaged over all users, {METRIC.text(loss)} of NDCG@{k} is lost against the best branch of each."
        )
    alone = measured(part, "trained_alone", "all_users")
    if alone is None:
        lines.append(f"The comparison with modalities trained alone was not measured{_reason(part, 'trained_alone')}.")
    else:
        lines.append(
            f"Against the best of the models of one modality trained alone, the fused ranking is worse for "
            f"{PERCENT.text(alone)} of the users."
        )
        lines += _beside_single(
            measured(part, "trained_alone", "of_single"), measured(part, "trained_alone", "beyond_single")
        )
    for measure in ("in_model/all_users", "in_model/beyond_single", "excess/all_users"):
        lines += against(diagnosis, f"degeneration/{measure}")
    return lines


def _beside_single(single: Estimate | None, beyond: Estimate | None) -> list[str]:
    """The rate beside that of a single modality in the place of the fused ranking."""
    if single is None or beyond is None:
        return []
    verdict = {
        1: "it is the worse one more often",
        -1: "it is the worse one less often",
        0: "not distinguishable from 0",
    }[sign(beyond)]
    return [
        "The best of several rankings is often ahead of any one. In the place of the fused ranking, a single modality "
        f"is below the best of all others for {PERCENT.text(single)} of the users, on average; the rate of the fused "
        f"ranking differs from that by {POINTS.text(beyond, signed=True)}: {verdict}."
    ]


def _excess(excess: Estimate) -> str:
    low, high = sorted((abs(excess.low), abs(excess.high)))
    text = POINTS.text(Estimate(abs(excess.value), low, high, excess.count))
    if sign(excess) > 0:
        return f"Fusing hurts {text} more than that."
    if sign(excess) < 0:
        return f"Fusing hurts {text} less than that: the fused ranking is steadier than a change of seed."
    return (
        f"The difference to that, {POINTS.text(excess, signed=True)}, is not distinguishable from 0: chance alone may "
        "explain the rate."
    )


def _reason(part: Json, key: str | None = None) -> str:
    """The reason for something that was not measured, in brackets, where one is given."""
    reasons = part.get("why_not") or {}
    reason = reasons if key is None else reasons.get(key)
    return f" ({reason})" if isinstance(reason, str) else ""
