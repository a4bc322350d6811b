from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis import (
    candidate_sets,
    complementarity,
    diagnose_model,
    fusion_degeneration,
    hit_partition,
    information,
    margin_sample,
    recall_by_type,
    utilisation,
)
from brmrs_graph.evaluation import Ranking, rank, recall
from brmrs_graph.nn import ConcatFusion


def branches_of(data: MultimodalDataset, seed: int, modalities: Sequence[str] = ("visual", "textual")) -> Branches:
    generator = torch.Generator().manual_seed(seed)
    users, items = (
        {m: torch.randn(n, 4, generator=generator) for m in modalities} for n in (data.num_users, data.num_items)
    )
    return Branches(users, items, tuple(modalities), ConcatFusion())


def rankings_of(run: Branches, data: MultimodalDataset) -> dict[str, Ranking]:
    return rank(run, data.train, data.test, 5, run.names)


def test_every_measure_is_there_and_is_the_mean_over_seeds(toy: MultimodalDataset) -> None:
    runs = [branches_of(toy, seed) for seed in (0, 1, 2)]
    diagnosis = diagnose_model(runs, toy, candidate_sets(toy, 6), k=5)
    rankings = [rankings_of(run, toy) for run in runs]
    values = {path: estimate.value for path, estimate in diagnosis.estimates.items()}
    for name in runs[0].names:
        assert values[f"recall/{name}"] == pytest.approx(np.mean([recall(r[name], 5).mean() for r in rankings]))
    expected: dict[str, list[float]] = {}
    for number, (run, ranking) in enumerate(zip(runs, rankings, strict=True)):
        others = [other for i, other in enumerate(rankings) if i != number]
        cells = hit_partition(ranking, run.modalities, 5, other_seeds=others)
        fused = [other[FUSED] for other in others]
        hurt = fusion_degeneration(ranking[FUSED], {m: ranking[m] for m in run.modalities}, 5, other_seeds=fused)
        assert cells.synergy_chance and hurt.chance and hurt.excess_where_found
        for path, measurement in (
            ("partition/cells/101", cells.cells["101"]),
            ("partition/summary/fusion_loss", cells.fusion_loss),
            ("partition/synergy_chance", cells.synergy_chance),
            ("degeneration/in_model/all_users", hurt.rate),
            ("degeneration/in_model/mean_loss", hurt.loss),
            ("degeneration/in_model/of_single", hurt.of_single),
            ("degeneration/chance/all_users", hurt.chance),
        ):
            expected.setdefault(path, []).append(measurement.estimate(samples=2).value)
    assert {path: values[path] for path in expected} == pytest.approx({p: np.mean(x) for p, x in expected.items()})
    assert values["degeneration/excess/all_users"] == pytest.approx(
        values["degeneration/in_model/all_users"] - values["degeneration/chance/all_users"]
    )
    failures = [complementarity(run, candidate_sets(toy, 6))["textual", "visual"].failure for run in runs]
    for part in ("rate", "condition", "of_sum", "beyond_sum"):
        lost, pairs = sum(getattr(failure, part).totals[0].sum(axis=0) for failure in failures)
        assert values[f"complementarity/textual→visual/failure/{part}"] == pytest.approx(lost / pairs)
    samples = [margin_sample(run, toy) for run in runs]
    assert diagnosis.information["visual", "textual"] == information(samples, "visual", "textual")
    assert diagnosis.measurements["utilisation"].totals[1] == pytest.approx(utilisation(samples[1]).totals[0])
    directions = {path.split("/")[1] for path in values if path.startswith("complementarity/")}
    assert directions == {"visual→textual", "textual→visual"}
    assert {path.split("/")[1] for path in values if path.startswith("by_item")} == {
        "fusion_loss",
        "synergy",
        "failure visual→textual",
        "failure textual→visual",
    }
    assert len(diagnosis.margins) == 3 and set(diagnosis.margins[0]) == {("visual", "textual"), ("textual", "visual")}


def test_what_takes_other_runs_is_left_out_without_them(toy: MultimodalDataset) -> None:
    one = diagnose_model([branches_of(toy, 0)], toy, candidate_sets(toy, 6), k=5)
    assert not any("chance" in p or "excess" in p or "alone" in p for p in one.measurements)
    # Chance takes two other seeds for two modalities, and that of synergy one.
    two = diagnose_model([branches_of(toy, seed) for seed in (0, 1)], toy, candidate_sets(toy, 6), k=5)
    assert "partition/synergy_chance" in two.measurements
    assert not any("chance" in path or "excess" in path for path in two.measurements if "synergy" not in path)


def test_models_of_one_modality_are_compared_with_seed_by_seed(toy: MultimodalDataset) -> None:
    runs = [branches_of(toy, seed) for seed in (0, 1)]
    alone = {m: [branches_of(toy, 10 + i, (m,))] for i, m in enumerate(("visual", "textual"))}
    diagnosis = diagnose_model(runs, toy, candidate_sets(toy, 6), alone=alone, k=5)
    single = {m: rankings_of(of[0], toy)[FUSED] for m, of in alone.items()}
    rates = [fusion_degeneration(rankings_of(run, toy)[FUSED], single, 5).rate.estimate().value for run in runs]
    assert diagnosis.estimates["degeneration/trained_alone/all_users"].value == pytest.approx(np.mean(rates))
    assert diagnosis.estimates["alone/visual"].value == pytest.approx(float(recall(single["visual"], 5).mean()))
    partly = diagnose_model(runs, toy, candidate_sets(toy, 6), alone={"visual": alone["visual"]}, k=5)
    assert "alone/visual" in partly.measurements
    assert "degeneration/trained_alone/all_users" not in partly.measurements


def test_differences_are_those_of_what_both_models_have(toy: MultimodalDataset) -> None:
    sets = candidate_sets(toy, 6)
    first = diagnose_model([branches_of(toy, seed) for seed in (0, 1, 2)], toy, sets, k=5)
    second = diagnose_model([branches_of(toy, 3)], toy, sets, k=5)
    differences = first.differences(second)
    assert differences.keys() == second.measurements.keys()
    for path in ("recall/fused", "partition/cells/000", "degeneration/in_model/mean_loss"):
        assert differences[path].value == pytest.approx(first.estimates[path].value - second.estimates[path].value)
    assert all(x.value == 0 for p, x in first.differences(first).items() if p.startswith("recall"))
    assert all(x.value == x.low == x.high == 0 for p, x in second.differences(second).items() if p.startswith("recall"))


def test_three_modalities_and_missing_ones(make_data: Callable[..., MultimodalDataset]) -> None:
    data = make_data(("visual", "textual", "acoustic"), missing=0.3)
    runs = [branches_of(data, seed, data.modalities) for seed in range(4)]
    diagnosis = diagnose_model(runs, data, candidate_sets(data, 5), k=5)
    assert len(diagnosis.information) == 3 and len(diagnosis.margins[0]) == 6
    cells = [path for path in diagnosis.measurements if path.startswith("partition/cells/")]
    assert len(cells) == 16 and sum(diagnosis.estimates[path].value for path in cells) == pytest.approx(1)
    assert "degeneration/chance/all_users" in diagnosis.measurements


def test_without_unimodal_branches_there_is_nothing_to_diagnose(toy: MultimodalDataset) -> None:
    bare = Branches({FUSED: torch.ones(toy.num_users, 2)}, {FUSED: torch.ones(toy.num_items, 2)})
    for runs in ([bare], []):
        with pytest.raises(ValueError, match="nothing to diagnose without a run that has unimodal branches"):
            diagnose_model(runs, toy, candidate_sets(toy, 6))


def test_recall_by_type_counts_the_pairs_of_each_kind(toy: MultimodalDataset) -> None:
    ranking = rankings_of(branches_of(toy, 0), toy)[FUSED]
    users, items = toy.test.sorted_indices().nonzero()
    kinds = [("even", "odd")[(user + item) % 2] for user, item in zip(users, items, strict=True)]
    found = {user: set(row.tolist()) for user, row in zip(ranking.users.tolist(), ranking.items, strict=True)}
    hit = np.array([item in found[user] for user, item in zip(users, items, strict=True)])
    shares = {kind: hit[np.array(kinds) == kind].mean() for kind in ("even", "odd")}
    measured = recall_by_type(ranking, toy, kinds, 5)
    assert {kind: m.estimate().value for kind, m in measured.items()} == pytest.approx(shares)
    assert measured["odd"].estimate().count == kinds.count("odd") and hit.any() and not hit.all()
    with pytest.raises(ValueError, match=f"3 types for {len(kinds)} test pairs"):
        recall_by_type(ranking, toy, kinds[:3])


def test_types_are_reported_where_they_are_known(toy: MultimodalDataset) -> None:
    kinds = ["a", "b"] * (toy.test.nnz // 2)
    diagnosis = diagnose_model([branches_of(toy, 0)], toy, candidate_sets(toy, 6), types=kinds, k=5)
    assert {path for path in diagnosis.measurements if path.startswith("by_type/")} == {"by_type/a", "by_type/b"}
