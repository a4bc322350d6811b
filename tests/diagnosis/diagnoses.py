"""Diagnoses for the tests of the report: made-up ones, random but valid, and ones that were measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations, permutations, product
from typing import Any

import numpy as np
import torch

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis import Diagnosed, candidate_sets, diagnose_model, diagnosis_record
from brmrs_graph.nn import ConcatFusion
from tests.conftest import toy_data

HOSTILE = "<script>alert('x')</script> & \"quoted\" $a_b$ {{ 7 * 7 }} ünï→コード🧵\u202e\x07 " + "very" * 30
NAMES = ("default", "bpr", "dns", "self", "paper", "chns-graph", "vbpr / infonce with a long name", "lightgcn")
ATOMS = ("redundancy", "unique_first", "unique_second", "synergy")
Estimate = dict[str, Any]


def estimate(value: float, low: float | None, high: float | None, count: int = 1000) -> Estimate:
    """An estimate as ``diagnosis.json`` has it."""
    return {"value": value, "low": low, "high": high, "count": count}


def difference(measure: str, value: float, low: float, high: float, against: str = "bpr") -> dict[str, Any]:
    """A difference as ``diagnosis.json`` has it."""
    return {"against": against, "measure": measure, "difference": estimate(value, low, high)}


class Maker:
    """Draws the parts of a diagnosis; with probability ``null`` a part was not measured."""

    def __init__(self, seed: int, null: float) -> None:
        self.rng, self.null = np.random.default_rng(seed), null

    def gone(self) -> bool:
        return bool(self.rng.random() < self.null)

    def e(self, low: float = 0.0, high: float = 1.0) -> Estimate | None:
        value, half = self.rng.uniform(low, high), self.rng.uniform(0.01, 0.15) * (high - low)
        if self.gone():
            return None
        return {"value": value, "low": value - half, "high": value + half, "count": int(self.rng.integers(1, 50_000))}

    def many(self, *names: str, low: float = 0.0, high: float = 1.0) -> dict[str, Estimate | None]:
        return {name: self.e(low, high) for name in names}

    def maybe(self, part: Callable[[], Any]) -> Any:
        value = part()
        return None if self.gone() else value

    def item(self, items: int) -> dict[str, Any]:
        index = int(self.rng.integers(items))
        return {"id": f"i{index}", "index": index}

    def partition(self, order: list[str]) -> dict[str, Any]:
        cells = ["".join(map(str, cell)) for cell in product((0, 1), repeat=len(order))]
        shares = self.rng.dirichlet([20.0] + [1.0] * (len(cells) - 1))
        parts: dict[str, float] = {"fusion_loss": 0, "fusion_keeps": 0, "synergy": 0, "none": 0}
        for cell, share in zip(cells, shares, strict=True):
            single, fused = "1" in cell[:-1], cell[-1] == "1"
            kind = ("fusion_keeps" if fused else "fusion_loss") if single else "synergy" if fused else "none"
            parts[kind] += share

        def around(x: float) -> Estimate | None:
            return None if self.gone() else {"value": x, "low": x * 0.9, "high": x * 1.1, "count": 20_000}

        rescued = self.e(0, 0.05)
        beyond = None if rescued is None else self.e(-0.02, 0.02)
        return {
            "order": order,
            "cells": {cell: around(float(share)) for cell, share in zip(cells, shares, strict=True)},
            "summary": {kind: around(float(share)) for kind, share in parts.items()},
            "synergy_chance": rescued,
            "synergy_beyond_chance": beyond,
        } | ({"why_not": "there is one seed only"} if rescued is None else {})

    def degeneration(self) -> dict[str, Any]:
        groups = ("all_users", "users_with_hits")

        def against() -> dict[str, Any]:
            by_role = {"of_single": self.e(0.1, 0.3), "beyond_single": self.e(-0.1, 0.1)}
            return self.many(*groups, low=0.1, high=0.4) | {"mean_loss": self.e(0, 0.02)} | by_role

        parts = {"in_model": against()}
        parts["trained_alone"] = self.maybe(against)
        parts["chance"] = self.maybe(lambda: self.many(*groups, low=0.1, high=0.3))
        parts["excess"] = None if parts["chance"] is None else {g: self.minus(parts, g) for g in groups}
        reasons = {kind: f"no {kind} run was given" for kind, part in parts.items() if part is None}
        return parts | {"why_not": reasons}

    def minus(self, parts: dict[str, Any], group: str) -> Estimate | None:
        rate, chance = (parts[kind][group] for kind in ("in_model", "chance"))
        if not rate or not chance:
            return None
        value, half = rate["value"] - chance["value"], self.rng.uniform(0.01, 0.1)
        return {"value": value, "low": value - half, "high": value + half, "count": rate["count"]}

    def rates(self) -> dict[str, Any]:
        rates = self.many("rate", "far", "close") | {"position": self.e(-0.3, 1.4), "lift": self.e(0.5, 3)}
        return rates | ({"why_not": {"position": "there is no scale"}} if rates["position"] is None else {})

    def information(self) -> dict[str, Any]:
        atoms = self.many(*ATOMS, low=-0.01, high=0.12)
        total = sum(x["value"] for x in atoms.values() if x)
        return atoms | {
            "total": self.maybe(lambda: {"value": total, "low": total - 0.02, "high": total + 0.02, "count": 9})
        }

    def margins(self) -> dict[str, Any]:
        def one() -> dict[str, Any]:
            shares = self.many("confused_share", "separated_share")
            medians = self.many("median_confused", "median_right", low=-2, high=2)
            histograms = {f"histogram_{x}": self.rng.poisson(50, 24).tolist() for x in ("confused", "right")}
            return shares | {"both_share": shares["confused_share"]} | medians | histograms

        chns, random = one(), one()
        return {"edges": np.linspace(-4, 4, 25).tolist(), "random": random, "chns": chns, "chns-graph": random}

    def model(self, name: str, modalities: list[str], planted: bool) -> dict[str, Any]:
        bins = ("1-3", "4-7", "8-15", "16+")
        ordered = list(permutations(modalities, 2))
        return {
            "name": name,
            "title": f"brmrs / {name}: what validation chose",
            "options": {"loss.pool": 4, "loss.synergy": 0.3, "model.fusion": "concat"},
            "seeds": [1, 2, 3],
            "modalities": modalities,
            "recall": self.many(*modalities, "fused", low=0.05, high=0.11),
            "alone": self.many(*modalities, low=0.05, high=0.1),
            "partition": self.partition([*modalities, "fused"]),
            "degeneration": self.degeneration(),
            "complementarity": [
                {
                    "confused": a,
                    "right": b,
                    "content": self.rates(),
                    "failure": self.many("rate", "condition", "of_sum") | {"beyond_sum": self.e(-0.2, 0.2)},
                }
                for a, b in ordered
            ],
            "information": [{"first": a, "second": b} | self.information() for a, b in combinations(modalities, 2)],
            "utilisation": self.e(0.6, 1.2),
            "margins": [{"confused": a, "right": b} | self.margins() for a, b in ordered],
            "by_user_degree": {"degeneration": self.many(*bins)},
            "by_item_degree": {
                name: self.many(*bins) for name in ("fusion_loss", "synergy", *(f"failure {a}→{b}" for a, b in ordered))
            },
            "by_type": self.many("visual only", "textual only", "redundant", "joint", high=0.2) if planted else None,
        }


def make_diagnosis(
    models: int = 2,
    modalities: Sequence[str] = ("visual", "textual"),
    *,
    seed: int = 0,
    null: float = 0.0,
    planted: bool = True,
    text: str = "",
    items: int = 6,
) -> dict[str, Any]:
    """A diagnosis of ``models`` models; ``text`` is put wherever people's words may stand."""
    make, modalities = Maker(seed, null), list(modalities)
    names = [NAMES[i] + text for i in range(models)]
    first, second = modalities[:2]
    measures = (
        "recall/fused",
        f"recall/{first}",
        f"alone/{first}",
        "degeneration/in_model/all_users",
        "degeneration/in_model/beyond_single",
        "degeneration/excess/all_users",
        "partition/cells/001",
        "partition/summary/synergy",
        "partition/summary/fusion_loss",
        f"complementarity/{first}→{second}/failure/rate",
        "utilisation",
        "something/new",
    )
    branches = [*modalities, "fused"]

    def margins(i: int) -> dict[str, Any]:
        return {"model": names[i], "margins": {b: float(make.rng.normal()) for b in branches}}

    pairs = [
        {
            "user": f"u{text}",
            "confused": a,
            "right": b,
            "liked": make.item(items),
            "lookalike": make.item(items),
            "before": make.maybe(lambda: margins(models - 1)),
            "after": margins(0),
            "outcome": outcome,
        }
        for (a, b), outcome in zip(permutations(modalities, 2), ("mended", "right", "wrong") * 2, strict=False)
    ]
    users = [
        {
            "user": f"u{i}{text}",
            "model": names[0],
            "best": modalities[i % len(modalities)],
            "ndcg": {branch: float(make.rng.uniform(0, 0.5)) for branch in branches},
            "history": [make.item(items) for _ in range(8)],
            "missed": [make.item(items)],
            "top": [make.item(items) for _ in range(5)],
            "top_hits": [False, True, False, False, False],
        }
        for i in range(2)
    ]
    return {
        "version": 2,
        "command": f"python -m experiments.diagnose --run runs/a --against runs/b{text}",
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "dataset": {
            "name": f"boutique{text}",
            "synthetic": True,
            "hash": "1f7a79f1a8f2a150",
            "counts": {"users": 2500, "items": 1200, "train": 40_000, "valid": 5_000, "test": 5_000},
            "notes": [f"a note {text}"],
            "modalities": modalities,
        },
        "k": 20,
        "models": [make.model(name, modalities, planted) for name in names],
        "differences": [
            {"against": name, "measure": measure, "difference": make.e(-0.05, 0.05)}
            for name in names[1:]
            for measure in measures
        ],
        "cases": {"pairs": pairs, "users": users},
    }


def random_branches(data: MultimodalDataset, modalities: Sequence[str], seed: int) -> Branches:
    """A model that learned nothing."""
    generator = torch.Generator().manual_seed(seed)
    users, items = (
        {m: torch.randn(n, 4, generator=generator) for m in modalities} for n in (data.num_users, data.num_items)
    )
    return Branches(users, items, tuple(modalities), ConcatFusion())


@cache
def measured_diagnosis(modalities: tuple[str, ...]) -> dict[str, Any]:
    """All that can be measured, of two models that learned nothing; not to be changed."""
    data = toy_data(modalities)
    names, sets = data.modalities, candidate_sets(data, 6)
    types = ["visual only", "textual only", "redundant", "joint"] * (data.test.nnz // 4)
    alone = {name: [random_branches(data, [name], seed)] for seed, name in enumerate(names)}
    diagnosed = []
    for number in range(2):
        seeds = range(10 * number, 10 * number + len(names) + 1)
        runs = [random_branches(data, names, seed) for seed in seeds]
        diagnosis = diagnose_model(runs, data, sets, alone=alone, types=types, k=5)
        diagnosed.append(Diagnosed(NAMES[number], f"model {number}", diagnosis, seeds, {"loss.pool": number}))
    return diagnosis_record(diagnosed, data, k=5)
