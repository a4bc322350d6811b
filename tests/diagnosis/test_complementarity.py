from dataclasses import fields, replace
from itertools import permutations
from math import floor, log2

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis import CandidateSets, Failures, MatchedRates, candidate_sets, complementarity
from brmrs_graph.errors import TrainingError
from brmrs_graph.evaluation import Measurement
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.nn.fusion import ConcatFusion
from tests.conftest import MakeData, toy_data
from tests.diagnosis.conftest import NUM_USERS, TEST, TEXTUAL, VISUAL, TenUsers, score_table, table_branches

PARTS, FAILURES = ([field.name for field in fields(of)] for of in (MatchedRates, Failures))
VT, TV = ("visual", "textual"), ("textual", "visual")


def values(rates: MatchedRates | Failures | None) -> dict[str, float]:
    assert rates is not None
    return {field.name: getattr(rates, field.name).estimate(samples=0).value for field in fields(rates)}


# Of the comparisons (lost, all) by bin of popularity of the liked item and of the other one: no training interaction
# (items 2, 4, 5, 6), one or two (0, 1), three to six (3, 7).
#                                 none, none  none, few  none, many  few, none  few, few  few, many
#   look-alikes in the pictures   (5, 9)      (0, 2)     (0, 3)      (2, 5)               (1, 3)
#   look-alikes in the texts      (3, 4)      (1, 6)     (1, 3)      (4, 10)
#   close in both                 (1, 3)                 (2, 3)                 (0, 5)
#   far in both                   (0, 3)      (2, 3)                 (1, 4)               (0, 1)
# All three kinds have comparisons where both items have no training interactions, and nowhere else.
def test_content_rates_of_ten_users(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    measured = complementarity(ten_users.branches, ten_sets)
    for direction, rate in ((VT, 5 / 9), (TV, 3 / 4)):
        expected = [rate, 0, 1 / 3, 1 / 3, 3 * rate, np.nan]  # no far item is confused, so that there is no ratio to it
        found = values(measured[direction].content)
        assert found == pytest.approx(dict(zip(PARTS, expected, strict=True)), nan_ok=True)
    assert list(measured) == [VT, TV] and measured[TV].direction == TV


def test_controls_are_weighted_by_the_popularity_of_both_items_of_look_alikes(ten_users: TenUsers) -> None:
    # Look-alikes of items 0 (two interactions) and 2 (none): items 4, 5, and 1; close and far ones by hand as well.
    def graph(*edges: tuple[int, int]) -> SparseGraph:
        return SparseGraph.from_edges(*torch.tensor(edges).t(), (8, 8))

    sets = candidate_sets(ten_users.data, k=3)
    looks, close, far = graph((0, 4), (0, 5), (4, 2)), graph((0, 2), (0, 6), (4, 5)), graph((0, 6), (4, 6))
    sets = replace(
        sets, lookalikes=dict.fromkeys((VT, TV), looks), close={VT: close, TV: close}, far={VT: far, TV: far}
    )
    measured = values(complementarity(ten_users.branches, sets)[VT].content)
    scores = ten_users.branches.score_all("fused", torch.arange(NUM_USERS))
    known = {(u, i) for u, i in zip(*(ten_users.data.train + ten_users.data.valid).nonzero(), strict=True)}

    def rate(liked: int, others: list[int]) -> float:
        users = [u for u in range(10) if liked in TEST[u]]
        kept = [(u, j) for u in users for j in others if (u, j) not in known and j not in TEST[u]]
        return float(np.mean([bool(scores[u, j] >= scores[u, liked]) for u, j in kept]))

    # Two strata: four users like item 0, with two look-alikes each; two like item 4, with one.
    for name, parts in (
        ("rate", (rate(0, [4, 5]), rate(4, [2]))),
        ("close", (rate(0, [2, 6]), rate(4, [5]))),
        ("far", (rate(0, [6]), rate(4, [6]))),
    ):
        assert measured[name] == pytest.approx((8 * parts[0] + 2 * parts[1]) / 10)


def test_failures_proper_of_ten_users(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    measured = complementarity(ten_users.branches, ten_sets)
    for direction, lost, met, pairs in ((VT, 3, 7, 22), (TV, 5, 9, 23)):
        failure = measured[direction].failure
        assert failure is not None
        assert (failure.rate.estimate().value, failure.rate.estimate().count) == (pytest.approx(lost / met), met)
        condition = failure.condition.estimate()
        assert (condition.value, condition.count) == (pytest.approx(met / pairs), pairs)


def test_failures_of_scores_that_follow_one_modality_or_both(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    one, other = (score_table(rows) for rows in (VISUAL, TEXTUAL))

    def rates(visual: float, textual: float) -> dict[str, list[float]]:
        fused = table_branches(visual * one, textual * other)  # adds the two up
        failures = [measured.failure for measured in complementarity(fused, ten_sets).values()]
        return {name: [values(failure)[name] for failure in failures] for name in FAILURES}

    # The last unit that the scores are in changes what adding them up does, and not what their sum is compared with.
    spread = [float((table - table.mean(dim=1, keepdim=True)).square().mean().sqrt()) for table in (one, other)]
    fair = rates(1 / spread[0], 1 / spread[1])
    assert fair["rate"] == fair["of_sum"] and fair["beyond_sum"] == [0, 0]
    assert rates(1000, 1)["rate"] == [1, 0] and rates(1, 1000)["rate"] == [0, 1]
    for weights in ((1000.0, 1.0), (1.0, 1000.0), (0.3, 0.2)):
        assert rates(*weights)["of_sum"] == fair["of_sum"]


def test_counts_say_on_how_many_comparisons_a_value_rests(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    content = complementarity(ten_users.branches, ten_sets)[VT].content
    counts = {name: getattr(content, name).estimate().count for name in PARTS}
    assert counts == {"rate": 9, "far": 3, "close": 3, "gap": 9, "position": 9, "lift": 9}


def test_intervals_and_seeds(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    content = complementarity(ten_users.branches, ten_sets)[VT].content
    for name in ("rate", "close", "gap", "position"):
        one = getattr(content, name)
        estimate = one.estimate()
        assert estimate.low <= estimate.value <= estimate.high and estimate.low < estimate.high
        twice = Measurement.over_seeds([one, one]).estimate()
        assert (twice.value, twice.count) == (pytest.approx(estimate.value), estimate.count)


@pytest.fixture(scope="module")
def three(make_data: MakeData) -> MultimodalDataset:
    """Three modalities, items that lack some, a user without held-out items and an item without interactions."""
    return make_data(("visual", "textual", "acoustic"), num_users=25, num_items=40, missing=0.2, isolated=True)


def random_branches(data: MultimodalDataset, seed: int, names: tuple[str, ...] | None = None) -> Branches:
    """Small integer vectors, so that scores are exact and often tie."""
    generator = torch.Generator().manual_seed(seed)
    names = data.modalities if names is None else names

    def draw(n: int) -> dict[str, torch.Tensor]:
        return {name: torch.randint(-2, 3, (n, 3), generator=generator).float() for name in (*names, "id")}

    return Branches(draw(data.num_users), draw(data.num_items), names, ConcatFusion())


def dense(data: MultimodalDataset, sets: CandidateSets, branches: Branches) -> dict[tuple[str, str], list[dict]]:
    """Content rates and failures, comparison by comparison."""
    table = {name: branches.score_all(name, torch.arange(data.num_users)) for name in branches.names}
    known = (data.train + data.valid + data.test).toarray() > 0
    degree = np.asarray(data.train.sum(axis=0)).ravel()
    bins = [floor(log2(1 + d)) for d in degree]
    spread = {name: np.sqrt(np.mean([np.var(row) for row in x.double().numpy()])) for name, x in table.items()}
    result = {}
    for a, b in permutations(data.modalities, 2):
        tally: dict = {}
        cases = []
        graphs = {"look": sets.lookalikes[a, b], "close": sets.close[a, b], "far": sets.far[a, b]}
        for kind, graph in graphs.items():
            for i, j in zip(graph.row.tolist(), graph.col.tolist(), strict=True):
                for u in data.test[:, [i]].nonzero()[0]:
                    if known[u, j]:
                        continue
                    lost = bool(table[FUSED][u, j] >= table[FUSED][u, i])
                    cell = tally.setdefault((kind, (bins[i], bins[j])), [0, 0])
                    cell[0] += lost
                    cell[1] += 1
                    lead_a, lead_b = (float(table[m][u, j] - table[m][u, i]) for m in (a, b))
                    if kind == "look" and lead_a >= 0 > lead_b:
                        cases.append((lost, lead_a / spread[a] + lead_b / spread[b] >= 0))
        rate, of_sum = np.mean(cases, axis=0)
        condition = len(cases) / sum(pairs for (kind, _), (_, pairs) in tally.items() if kind == "look")
        failure = {"rate": rate, "condition": condition, "of_sum": of_sum, "beyond_sum": rate - of_sum}
        result[a, b] = [standardised(tally), failure]
    return result


def standardised(tally: dict[tuple[str, tuple[int, int]], list[int]]) -> dict[str, float]:
    strata = set.intersection(*({g for k, g in tally if k == kind} for kind in ("look", "close", "far")))
    weight = {g: tally["look", g][1] for g in strata}
    look, far, close = (
        sum(w * tally[kind, g][0] / tally[kind, g][1] for g, w in weight.items()) / sum(weight.values())
        for kind in ("look", "far", "close")
    )
    return {
        "rate": look,
        "far": far,
        "close": close,
        "gap": close - far,
        "position": (look - far) / (close - far),
        "lift": look / far,
    }


@pytest.mark.parametrize("seed", range(3))
def test_equals_comparison_by_comparison(three: MultimodalDataset, seed: int) -> None:
    sets, branches = candidate_sets(three, 8, seed=seed), random_branches(three, seed)
    measured, expected = complementarity(branches, sets), dense(three, sets, branches)
    assert set(measured) == set(expected) and len(measured) == 6
    for direction, (content, failure) in expected.items():
        assert values(measured[direction].content) == pytest.approx(content)
        assert values(measured[direction].failure) == pytest.approx(failure)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32), st.sampled_from(["visual", "textual"]))
def test_what_a_user_adds_to_all_items_changes_nothing(seed: int, branch: str) -> None:
    data, sets, tables = _grid(seed)
    before = complementarity(table_branches(*tables.values()), sets)
    shift = torch.randint(-50, 50, (data.num_users, 1), generator=torch.Generator().manual_seed(seed))
    after = complementarity(table_branches(*(tables | {branch: tables[branch] + shift}).values()), sets)
    for direction, measured in before.items():
        assert values(measured.content) == pytest.approx(values(after[direction].content), nan_ok=True)
        assert values(measured.failure) == pytest.approx(values(after[direction].failure), nan_ok=True)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32))
def test_reversed_scores_lose_what_was_won(seed: int) -> None:
    _, sets, tables = _grid(seed)
    # No ties: what is added tells items apart and is less than a step of the scores.
    distinct = {name: x + torch.arange(x.size(1)) / 64 for name, x in tables.items()}
    one = complementarity(table_branches(*distinct.values()), sets)
    other = complementarity(table_branches(*(-x for x in distinct.values())), sets)
    for direction in one:
        mine, its = values(one[direction].content), values(other[direction].content)
        assert [mine[name] + its[name] for name in ("rate", "far", "close")] == pytest.approx([1, 1, 1])


def _grid(seed: int) -> tuple[MultimodalDataset, CandidateSets, dict[str, torch.Tensor]]:
    data = toy_data(num_items=20, seed=seed % 5)
    generator = torch.Generator().manual_seed(seed)
    shape = (data.num_users, data.num_items)
    tables = {m: torch.randint(-8, 9, shape, generator=generator).float() for m in data.modalities}
    return data, candidate_sets(data, 6, seed=seed % 7), tables


def test_a_score_that_ties_everything_always_fails(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    nothing = torch.zeros(NUM_USERS, 8)
    measured = complementarity(table_branches(nothing, nothing), ten_sets)[VT]
    assert values(measured.content) == pytest.approx(
        {"rate": 1, "far": 1, "close": 1, "gap": 0, "position": np.nan, "lift": 1}, nan_ok=True
    )
    failure = values(measured.failure)
    assert failure.pop("condition") == 0  # B is never right
    assert all(np.isnan(value) for value in failure.values())


def test_without_the_two_branches_only_content_is_measured(three: MultimodalDataset) -> None:
    sets = candidate_sets(three, 8)
    measured = complementarity(random_branches(three, 0, ("visual", "acoustic")), sets)
    lacks = {direction for direction, one in measured.items() if one.failure is None}
    assert lacks == {direction for direction in measured if "textual" in direction} and len(measured) == 6
    assert all(np.isfinite(list(values(one.content).values())).all() for one in measured.values())


def test_no_comparisons_are_not_measured(toy: MultimodalDataset) -> None:
    empty = replace(toy, test=toy.test.multiply(0).tocsr())
    empty.test.eliminate_zeros()
    for data in (empty, replace(toy, missing={m: torch.ones(toy.num_items, dtype=torch.bool) for m in toy.modalities})):
        for measured in complementarity(random_branches(toy, 0), candidate_sets(data, 6)).values():
            for measurement in (*vars(measured.failure).values(), *vars(measured.content).values()):
                assert str(measurement.estimate()) == "not measured"


def test_embeddings_that_are_not_finite_are_refused(toy: MultimodalDataset) -> None:
    branches = random_branches(toy, 0)
    branches.items("textual")[3] = torch.nan
    with pytest.raises(TrainingError, match="'fused' are not finite"):
        complementarity(branches, candidate_sets(toy, 6))


def test_a_score_that_knows_popularity_alone_does_not_confuse_look_alikes_more_than_others(
    three: MultimodalDataset,
) -> None:
    # The bins of both items decide every comparison, so that nothing but them may make the rates differ.
    sets = candidate_sets(three, 8)
    popularity = (sets.degree + 1).double().log2().long().float().repeat(three.num_users, 1)
    for measured in complementarity(table_branches(popularity, popularity), sets).values():
        content = values(measured.content)
        assert content["lift"] == pytest.approx(1) and content["gap"] == 0 and 0 < content["rate"] < 1
