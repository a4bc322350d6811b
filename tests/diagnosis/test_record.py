import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis import (
    Diagnosed,
    candidate_sets,
    diagnose_model,
    diagnosis_record,
    item_pair_cases,
    lost_users,
)
from brmrs_graph.diagnosis.record import NO_CONTRAST, NO_OTHER_SEED, NO_SEED, NO_STRATA, NOT_ALONE
from brmrs_graph.nn import ConcatFusion

Record = dict[str, Any]


def branches_of(data: MultimodalDataset, seed: int) -> Branches:
    generator = torch.Generator().manual_seed(seed)
    users, items = (
        {m: torch.randn(n, 4, generator=generator) for m in data.modalities} for n in (data.num_users, data.num_items)
    )
    return Branches(users, items, data.modalities, ConcatFusion())


def diagnosed(data: MultimodalDataset, name: str, seeds: Sequence[int], **options: Any) -> Diagnosed:
    diagnosis = diagnose_model(
        [branches_of(data, seed) for seed in seeds], data, candidate_sets(data, 6), k=5, **options
    )
    return Diagnosed(name, f"{name}: a model", diagnosis, seeds, {"loss.pool": 4})


def is_value(x: Any) -> bool:
    return isinstance(x, dict) and set(x) == {"value", "low", "high", "count"}


def test_a_record_says_all_that_was_measured_and_is_plain_json(toy: MultimodalDataset) -> None:
    data = replace(
        toy, user_ids=[f"u{i}" for i in range(toy.num_users)], item_ids=[f"i{i}" for i in range(toy.num_items)]
    )
    first, second = diagnosed(data, "default", (0, 1, 2)), diagnosed(data, "bpr", (3, 4, 5))
    runs = branches_of(data, 0), branches_of(data, 3)
    record = diagnosis_record(
        [first, second],
        data,
        pairs=item_pair_cases(data, candidate_sets(data, 6), *runs),
        users=lost_users(first.diagnosis.rankings[0], data.modalities, data, k=5),
        command="python -m experiments.diagnose --run x",
        versions={"torch": "2"},
        k=5,
    )
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["dataset"]["counts"] == data.counts() and record["dataset"]["hash"] == data.content_hash
    model = record["models"][0]
    estimates = first.diagnosis.estimates
    assert (model["name"], model["seeds"], model["options"]) == ("default", [0, 1, 2], {"loss.pool": 4})
    for value, path in (
        (model["recall"]["fused"], "recall/fused"),
        (model["partition"]["cells"]["011"], "partition/cells/011"),
        (model["partition"]["summary"]["synergy"], "partition/summary/synergy"),
        (model["partition"]["synergy_chance"], "partition/synergy_chance"),
        (model["degeneration"]["chance"]["users_with_hits"], "degeneration/chance/users_with_hits"),
        (model["by_user_degree"]["degeneration"]["6"], "by_user_degree/degeneration/6"),
    ):
        assert is_value(value) and value["value"] == estimates[path].value and value["high"] == estimates[path].high
    direction = model["complementarity"][1]
    assert (direction["confused"], direction["right"]) == ("textual", "visual")
    assert direction["content"]["rate"]["count"] == estimates["complementarity/textual→visual/content/rate"].count
    assert is_value(direction["failure"]["condition"]) and "gap" not in direction["failure"]
    (information,) = model["information"]
    assert (information["first"], information["second"]) == data.modalities
    assert information["total"]["value"] == first.diagnosis.information["visual", "textual"].total.value
    assert model["by_type"] is None and model["alone"] == {"visual": None, "textual": None}
    margins = model["margins"][0]
    assert len(margins["edges"]) == len(margins["chns"]["histogram_right"]) + 1
    assert sum(margins["chns"]["histogram_confused"]) == 3 * data.test.nnz
    assert sum(margins["random"]["histogram_right"]) == 3 * 4 * data.test.nnz
    assert margins["chns"]["median_confused"]["value"] == pytest.approx(
        np.mean([seed["visual", "textual"].medians["pool"]["visual"] for seed in first.diagnosis.margins])
    )
    assert {"chns", "chns-graph", "random"} < set(margins)
    difference = {d["measure"]: d["difference"] for d in record["differences"]}["recall/fused"]
    assert difference["value"] == pytest.approx(
        estimates["recall/fused"].value - second.diagnosis.estimates["recall/fused"].value
    )
    assert record["cases"]["users"] and record["cases"]["pairs"]
    case, user = record["cases"]["pairs"][0], record["cases"]["users"][0]
    assert case["before"]["model"] == "bpr" and case["after"]["model"] == "default" and case["outcome"] == "mended"
    assert case["before"]["margins"]["fused"] <= 0 < case["after"]["margins"]["fused"]
    assert case["liked"]["id"] == f"i{case['liked']['index']}" and user["user"].startswith("u")
    assert len(user["top"]) == len(user["top_hits"]) == 5 and user["ndcg"]["fused"] < user["ndcg"][user["best"]]


def test_what_was_not_measured_is_none_and_says_why(toy: MultimodalDataset) -> None:
    record = diagnosis_record([diagnosed(toy, "one", (0,))], toy)
    (model,) = record["models"]
    assert model["partition"]["synergy_chance"] is None and model["partition"]["why_not"] == NO_OTHER_SEED
    degeneration = model["degeneration"]
    assert degeneration["trained_alone"] is degeneration["chance"] is degeneration["excess"] is None
    assert degeneration["why_not"] == {"trained_alone": NOT_ALONE, "chance": NO_SEED, "excess": NO_SEED}
    assert record["differences"] == [] and record["cases"] == {"pairs": [], "users": []}


def test_a_position_without_a_scale_is_not_shown(toy: MultimodalDataset) -> None:
    # A score that ties everything confuses close and far items alike.
    nothing = Branches(
        {m: torch.zeros(toy.num_users, 2) for m in toy.modalities},
        {m: torch.zeros(toy.num_items, 2) for m in toy.modalities},
        toy.modalities,
        ConcatFusion(),
    )
    model = Diagnosed("flat", "flat", diagnose_model([nothing], toy, candidate_sets(toy, 6), k=5))
    (record,) = diagnosis_record([model], toy)["models"]
    for direction in record["complementarity"]:
        assert direction["content"]["position"] is None and direction["content"]["why_not"] == {"position": NO_CONTRAST}
        assert direction["content"]["rate"]["value"] == 1
    assert record["utilisation"] is None


def test_a_position_without_controls_says_so(toy: MultimodalDataset) -> None:
    alike = replace(toy, features={m: torch.ones(toy.num_items, 3) for m in toy.modalities})  # nothing is far
    (record,) = diagnosis_record([diagnosed(alike, "alike", (0,))], alike)["models"]
    for direction in record["complementarity"]:
        assert direction["content"]["position"] is None and direction["content"]["rate"] is None
        assert direction["content"]["why_not"] == {"position": NO_STRATA}


def test_three_modalities(make_data: Callable[..., MultimodalDataset]) -> None:
    data = make_data(("visual", "textual", "acoustic"), missing=0.2)
    (model,) = diagnosis_record([diagnosed(data, "three", (0, 1))], data)["models"]
    assert len(model["complementarity"]) == len(model["margins"]) == 6 and len(model["information"]) == 3
    assert model["partition"]["order"] == ["visual", "textual", "acoustic", "fused"]
