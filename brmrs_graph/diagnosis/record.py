"""A diagnosis as plain values that JSON can hold, and from which figures and the report are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.cases import ItemPair, LostUser
from brmrs_graph.diagnosis.margins import EDGES, RANDOM, HardMargins
from brmrs_graph.diagnosis.model import ModelDiagnosis, arrow
from brmrs_graph.evaluation import Estimate
from brmrs_graph.sampling import Direction

VERSION = 2
NO_SEED = "it takes runs with other seeds: as many more as there are modalities"
NOT_ALONE = "it takes a model of each modality trained alone on the same data"
NO_OTHER_SEED = "it takes a run with another seed"
NO_STRATA = "there are no items of all three kinds, look-alikes and both controls, of the same popularity"
NO_CONTRAST = "items close and items far in both modalities are confused about equally often, which leaves no scale"


@dataclass(frozen=True)
class Diagnosed:
    """A model with what identifies it, and its diagnosis.

    Args:
        name: Short and unique among the models of a report.
        title: What it is, in one line.
        diagnosis: What was measured.
        seeds: Seeds of its runs.
        options: Settings in which it differs from the other models.
    """

    name: str
    title: str
    diagnosis: ModelDiagnosis
    seeds: Sequence[int] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


def diagnosis_record(
    models: Sequence[Diagnosed],
    data: MultimodalDataset,
    *,
    pairs: Iterable[ItemPair] = (),
    users: Iterable[LostUser] = (),
    command: str = "",
    versions: Mapping[str, str] | None = None,
    k: int = 20,
) -> dict[str, Any]:
    """The content of ``diagnosis.json``.

    A value is ``{"value", "low", "high", "count"}``, with None for what is not a number, or None where it was not
    measured; ``why_not`` beside it says why.

    Args:
        models: The models, the one that the report is about first, the one that it is compared with second.
        data: The data set.
        pairs: Case studies of item pairs, of the first model (after) and the second (before).
        users: Case studies of users of the first model.
        command: How to repeat it.
        versions: Package -> version.
        k: Length of the rankings.
    """
    first, *others = models
    return {
        "version": VERSION,
        "command": command,
        "versions": dict(versions or {}),
        "dataset": {
            "name": data.name,
            "synthetic": data.synthetic,
            "hash": data.content_hash,
            "counts": data.counts(),
            "notes": list(data.notes),
            "modalities": list(data.modalities),
        },
        "k": k,
        "models": [model_record(model) for model in models],
        "differences": [
            {"against": other.name, "measure": path, "difference": _value(difference)}
            for other in others
            for path, difference in first.diagnosis.differences(other.diagnosis).items()
            if not path.startswith(("by_user", "by_item")) and not path.endswith(("/far", "/close", "/gap"))
            if all(_has_scale(model.diagnosis.estimates, path) for model in (first, other))
        ],
        "cases": {
            "pairs": [_pair(case, data, first, others) for case in pairs],
            "users": [_user(case, data, first) for case in users],
        },
    }


def model_record(model: Diagnosed) -> dict[str, Any]:
    """What was measured of one model, as nested plain values."""
    diagnosis = model.diagnosis
    tree: dict[str, Any] = {}
    for path, estimate in diagnosis.estimates.items():
        *outer, last = path.split("/")
        node = tree
        for name in outer:
            node = node.setdefault(name, {})
        node[last] = _value(estimate)

    partition = tree["partition"] | {"order": [*diagnosis.modalities, "fused"]}
    partition.setdefault("synergy_beyond_chance", None)
    if partition.setdefault("synergy_chance", None) is None:
        partition["why_not"] = NO_OTHER_SEED
    degeneration = {"why_not": {}} | tree["degeneration"]
    for name, reason in (("trained_alone", NOT_ALONE), ("chance", NO_SEED), ("excess", NO_SEED)):
        if degeneration.setdefault(name, None) is None:
            degeneration["why_not"][name] = reason
    directions = list(permutations(diagnosis.modalities, 2))
    return {
        "name": model.name,
        "title": model.title,
        "options": dict(model.options),
        "seeds": list(model.seeds),
        "modalities": list(diagnosis.modalities),
        "recall": tree["recall"],
        "alone": {m: tree.get("alone", {}).get(m) for m in diagnosis.modalities},
        "partition": partition,
        "degeneration": degeneration,
        "complementarity": [
            _complementarity(d, tree["complementarity"][arrow(d)])
            for d in directions
            if arrow(d) in tree.get("complementarity", {})
        ],
        "information": [
            {
                "first": a,
                "second": b,
                "redundancy": _value(part.redundancy),
                "unique_first": _value(part.unique[a]),
                "unique_second": _value(part.unique[b]),
                "synergy": _value(part.synergy),
                "total": _value(part.total),
            }
            for (a, b), part in diagnosis.information.items()
        ],
        "utilisation": tree["utilisation"],
        "margins": [_margins(d, [seed[d] for seed in diagnosis.margins]) for d in directions],
        "by_user_degree": tree["by_user_degree"],
        "by_item_degree": tree["by_item_degree"],
        "by_type": tree.get("by_type"),
    }


def _has_scale(estimates: Mapping[str, Estimate], path: str) -> bool:
    """Whether a path is no position, or one on a scale: a ratio to a difference that may as well be 0 says nothing."""
    *outer, last = path.split("/")
    return last != "position" or estimates["/".join([*outer, "gap"])].low > 0


def _complementarity(direction: Direction, rates: dict[str, Any]) -> dict[str, Any]:
    confused, right = direction
    content = dict(rates["content"])
    gap = content.pop("gap")
    if gap is None or gap["low"] is None or gap["low"] <= 0:
        content |= {"position": None, "why_not": {"position": NO_STRATA if gap is None else NO_CONTRAST}}
    return {"confused": confused, "right": right, "content": content, "failure": rates["failure"]}


def _margins(direction: Direction, seeds: Sequence[HardMargins]) -> dict[str, Any]:
    a, b = direction
    record: dict[str, Any] = {"confused": a, "right": b, "edges": EDGES.tolist()}
    for source in seeds[0].counts:
        name = "random" if source == RANDOM else "chns" if source == "pool" else f"chns-{source}"
        shares = {
            "confused_share": [seed.confused[source] for seed in seeds],
            "separated_share": [seed.separated[source] for seed in seeds],
            "both_share": [seed.both[source] for seed in seeds],
        }
        record[name] = {key: _value(of[0].over_seeds(of).estimate()) for key, of in shares.items()} | {
            "median_confused": _mean([seed.medians[source][a] for seed in seeds]),
            "median_right": _mean([seed.medians[source][b] for seed in seeds]),
            "histogram_confused": _summed([seed.counts[source][a] for seed in seeds]),
            "histogram_right": _summed([seed.counts[source][b] for seed in seeds]),
        }
    return record


def _pair(case: ItemPair, data: MultimodalDataset, after: Diagnosed, others: Sequence[Diagnosed]) -> dict[str, Any]:
    before = None
    if case.margins_before is not None:
        before = {"model": others[0].name, "margins": dict(case.margins_before)}
    confused, right = case.direction
    return {
        "user": _id(data.user_ids, case.user),
        "confused": confused,
        "right": right,
        "liked": _item(data, case.liked),
        "lookalike": _item(data, case.lookalike),
        "before": before,
        "after": {"model": after.name, "margins": dict(case.margins)},
        "outcome": case.outcome,
    }


def _user(case: LostUser, data: MultimodalDataset, model: Diagnosed) -> dict[str, Any]:
    return {
        "user": _id(data.user_ids, case.user),
        "model": model.name,
        "best": case.modality,
        "ndcg": dict(case.ndcg),
        "history": [_item(data, item) for item in case.history],
        "missed": [_item(data, item) for item in case.missed],
        "top": [_item(data, item) for item in case.top],
        "top_hits": list(case.top_hits),
    }


def _item(data: MultimodalDataset, index: int) -> dict[str, Any]:
    return {"id": _id(data.item_ids, index), "index": index}


def _id(ids: Sequence[str], index: int) -> str:
    return str(ids[index]) if len(ids) else str(index)


def _summed(counts: Sequence[NDArray[np.int64]]) -> list[int]:
    return [int(x) for x in np.sum(counts, axis=0)]


def _mean(values: Sequence[float]) -> dict[str, Any] | None:
    """A mean over seeds; medians are not sums over users, so that they have no interval here."""
    return None if np.isnan(values).any() else {"value": float(np.mean(values)), "low": None, "high": None, "count": 0}


def _value(estimate: Estimate) -> dict[str, Any] | None:
    if not np.isfinite(estimate.value):
        return None
    ends = {"low": estimate.low, "high": estimate.high}
    return {
        "value": estimate.value,
        **{name: end if np.isfinite(end) else None for name, end in ends.items()},
        "count": estimate.count,
    }
