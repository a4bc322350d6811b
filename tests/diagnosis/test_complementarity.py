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
from brmrs_graph.diagnosis import CandidateSets, MatchedRates, candidate_sets, complementarity
from brmrs_graph.errors import TrainingError
from brmrs_graph.evaluation import Measurement
from brmrs_graph.nn.fusion import ConcatFusion
from tests.conftest import MakeData, toy_data
from tests.diagnosis.conftest import NUM_USERS, TenUsers, table_branches

PARTS = [field.name for field in fields(MatchedRates)]
VT, TV = ("visual", "textual"), ("textual", "visual")


def values(rates: MatchedRates | None) -> dict[str, float]:
    assert rates is not None
    return {name: getattr(rates, name).estimate(samples=0).value for name in PARTS}


# Of the comparisons (lost, all) by bin of popularity: no training interaction (items 2, 4, 5, 6), one or two (0, 1),
# three to six (3, 7).
#   content   look-alikes in the pictures (7, 14) (0, 2) (1, 6), in the texts (7, 14) (1, 6) (1, 3)
#             close in both               (1, 3)  (0, 5) (2, 3)
#             far in both                 (1, 7)  (2, 3) (0, 1)
def test_content_rates_of_ten_users(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    measured = complementarity(ten_users.branches, ten_sets)
    far, close = (14 * 1 / 7 + 2 * 2 / 3 + 6 * 0) / 22, (14 * 1 / 3 + 2 * 0 + 6 * 2 / 3) / 22
    expected = [8 / 22, far, close, close - far, (8 / 22 - far) / (close - far), 8 / 22 / far]
    assert values(measured[VT].content) == pytest.approx(dict(zip(PARTS, expected, strict=True)))
    assert expected[4:] == pytest.approx([0.875, 2.4])
    far, close = (14 * 1 / 7 + 6 * 2 / 3 + 3 * 0) / 23, (14 * 1 / 3 + 6 * 0 + 3 * 2 / 3) / 23
    expected = [9 / 23, far, close, close - far, (9 / 23 - far) / (close - far), 9 / 23 / far]
    assert values(measured[TV].content) == pytest.approx(dict(zip(PARTS, expected, strict=True)))
    assert list(measured) == [VT, TV] and measured[TV].direction == TV


#   failure   look-alikes in the pictures (2, 5) (0, 0) (1, 2), in the texts (4, 5) (1, 2) (0, 2)
#             close in both               (0, 1) (0, 1) (0, 0),              (1, 1) (0, 1) (0, 0)
#             far in both                 (0, 2) (0, 0) (0, 0),              (1, 2) (0, 0) (0, 0)
def test_failures_proper_of_ten_users(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    measured = complementarity(ten_users.branches, ten_sets)
    # In the texts: far has comparisons in the first bin alone, where the look-alikes are lost 4 out of 5 times.
    expected = [5 / 9, 1 / 2, (5 * 1 + 2 * 0) / 7, 1 - 1 / 2, (4 / 5 - 1 / 2) / (1 - 1 / 2), 4 / 5 / (1 / 2)]
    assert values(measured[TV].failure) == pytest.approx(dict(zip(PARTS, expected, strict=True)))
    # In the pictures no control is ever lost: there is nothing to divide by.
    assert values(measured[VT].failure) == pytest.approx(
        {"rate": 3 / 7, "far": 0, "close": 0, "gap": 0, "position": np.nan, "lift": np.nan}, nan_ok=True
    )
    assert measured[VT].failure is not None and str(measured[VT].failure.lift.estimate()) == "not measured"
    for direction, met, pairs in ((VT, 7, 22), (TV, 9, 23)):
        condition = measured[direction].condition
        assert condition is not None
        assert (condition.estimate().value, condition.estimate().count) == (pytest.approx(met / pairs), pairs)


def test_counts_say_on_how_many_comparisons_a_value_rests(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    measured = complementarity(ten_users.branches, ten_sets)
    counts = {name: getattr(measured[VT].content, name).estimate().count for name in PARTS}
    assert counts == {"rate": 22, "far": 11, "close": 11, "gap": 22, "position": 22, "lift": 22}
    assert measured[TV].failure is not None
    counts = {name: getattr(measured[TV].failure, name).estimate().count for name in PARTS}
    assert counts == {"rate": 9, "far": 2, "close": 2, "gap": 9, "position": 9, "lift": 9}


def test_intervals_and_seeds(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    content = complementarity(ten_users.branches, ten_sets)[VT].content
    for name in PARTS:
        one = getattr(content, name)
        estimate = one.estimate()
        assert estimate.low < estimate.value < estimate.high
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
    """Content and failure rates, comparison by comparison."""
    table = {name: branches.score_all(name, torch.arange(data.num_users)) for name in branches.names}
    known = (data.train + data.valid + data.test).toarray() > 0
    degree = np.asarray(data.train.sum(axis=0)).ravel()
    bins = [floor(log2(1 + d)) for d in degree]
    result = {}
    for a, b in permutations(data.modalities, 2):
        tallies: list[dict] = [{}, {}]
        graphs = {"look": sets.lookalikes[a, b], "close": sets.close[a, b], "far": sets.far[a, b]}
        for kind, graph in graphs.items():
            for i, j in zip(graph.row.tolist(), graph.col.tolist(), strict=True):
                for u in data.test[:, [i]].nonzero()[0]:
                    if known[u, j]:
                        continue
                    lost = bool(table[FUSED][u, j] >= table[FUSED][u, i])
                    fooled = bool(table[a][u, j] >= table[a][u, i]) and bool(table[b][u, i] > table[b][u, j])
                    for tally, counts in zip(tallies, (True, fooled), strict=True):
                        if counts:
                            cell = tally.setdefault((kind, bins[j]), [0, 0])
                            cell[0] += lost
                            cell[1] += 1
        result[a, b] = [standardised(tally) for tally in tallies]
    return result


def standardised(tally: dict[tuple[str, int], list[int]]) -> dict[str, float]:
    where = {kind: {g for k, g in tally if k == kind} for kind in ("look", "close", "far")}

    def rate(kind: str, bins: set[int]) -> float:
        weight = {g: tally["look", g][1] for g in bins & where["look"]}
        return sum(w * tally[kind, g][0] / tally[kind, g][1] for g, w in weight.items()) / sum(weight.values())

    far, close, both = where["far"], where["close"], where["far"] & where["close"]
    return {
        "rate": rate("look", where["look"]),
        "far": rate("far", far),
        "close": rate("close", close),
        "gap": rate("close", both) - rate("far", both),
        "position": (rate("look", both) - rate("far", both)) / (rate("close", both) - rate("far", both)),
        "lift": rate("look", far) / rate("far", far),
    }


@pytest.mark.parametrize("seed", range(3))
def test_equals_comparison_by_comparison(three: MultimodalDataset, seed: int) -> None:
    sets, branches = candidate_sets(three, 8, seed=seed), random_branches(three, seed)
    measured, expected = complementarity(branches, sets), dense(three, sets, branches)
    assert set(measured) == set(expected) and len(measured) == 6
    for direction, (content, failure) in expected.items():
        assert values(measured[direction].content) == pytest.approx(content)
        for kind in ("close", "far"):
            compared = sum(item.numel() for _, item in sets.compared(getattr(sets, kind)[direction]))
            assert getattr(measured[direction].content, kind).estimate(samples=0).count == compared
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
    assert measured.condition is not None and measured.condition.estimate().value == 0  # B is never right
    assert all(np.isnan(value) for value in values(measured.failure).values())


def test_without_the_two_branches_only_content_is_measured(three: MultimodalDataset) -> None:
    sets = candidate_sets(three, 8)
    measured = complementarity(random_branches(three, 0, ("visual", "acoustic")), sets)
    lacks = {direction for direction, one in measured.items() if one.failure is None and one.condition is None}
    assert lacks == {direction for direction in measured if "textual" in direction} and len(measured) == 6
    assert all(np.isfinite(list(values(one.content).values())).all() for one in measured.values())


def test_no_comparisons_are_not_measured(toy: MultimodalDataset) -> None:
    empty = replace(toy, test=toy.test.multiply(0).tocsr())
    empty.test.eliminate_zeros()
    for data in (empty, replace(toy, missing={m: torch.ones(toy.num_items, dtype=torch.bool) for m in toy.modalities})):
        for measured in complementarity(random_branches(toy, 0), candidate_sets(data, 6)).values():
            assert measured.failure is not None and measured.condition is not None
            for measurement in (measured.condition, *(getattr(measured.content, name) for name in PARTS)):
                assert str(measurement.estimate()) == "not measured"


def test_embeddings_that_are_not_finite_are_refused(toy: MultimodalDataset) -> None:
    branches = random_branches(toy, 0)
    branches.items("textual")[3] = torch.nan
    with pytest.raises(TrainingError, match="'fused' are not finite"):
        complementarity(branches, candidate_sets(toy, 6))
