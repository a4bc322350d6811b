"""Results of a comparison as the tables read them."""

from typing import Any

import pytest

METRICS = ("recall@10", "recall@20", "ndcg@10", "ndcg@20")
ONE_SEED = "; intervals and p leave out the spread over seeds of arms with one seed"


def arm(value: float, seeds: int = 2) -> dict[str, Any]:
    spread = {name: {"mean": value, "std": 0.001} for name in METRICS}
    groups = {"1-3": {"mean": 1 - value, "std": 0.0, "pairs": 1200}, "4": {"mean": value, "std": 0.0, "pairs": 7}}
    return {
        "valid": spread,
        "test": spread,
        "by_degree": groups,
        "seeds": list(range(seeds)),
        "seconds": [60, 120],
        "memory_gib": 0.51,
    }


@pytest.fixture
def results() -> dict[str, Any]:
    test = {"mean": 0.1, "low": 0.05, "high": 0.15, "p": 0.0002, "p_holm": 0.0004}
    return {
        "name": "x",
        "command": "python -m experiments.compare --plan x.yaml",
        "dataset": "shop",
        "data": {"synthetic": True, "hash": "abc"},
        "reference": "a",
        "arms": {"a": arm(0.3), "b_1": arm(0.2), "c": arm(0.1, seeds=1)},
        "against_reference": {"b_1": test, "c": test | {"p_holm": 0.04}},
        "gains": {"b_1": test | {"against": "c"}},
    }
