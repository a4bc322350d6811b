from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.branches import FUSED
from brmrs_graph.data.dataset import csr_from_pairs
from brmrs_graph.diagnosis import (
    CandidateSets,
    candidate_sets,
    complementarity,
    complementarity_by_degree,
    degeneration_by_degree,
    degree_groups,
    fusion_degeneration,
    hit_partition,
    partition_by_degree,
)
from brmrs_graph.diagnosis.groups import ByDegree
from brmrs_graph.evaluation import Measurement, Ranking, rank
from tests.conftest import MakeData
from tests.diagnosis.conftest import TenUsers, table_branches


def values(groups: ByDegree | None) -> dict[str, tuple[float, int]]:
    """Label -> value and count."""
    assert groups is not None
    estimates = {label: measurement.estimate(samples=0) for label, measurement in groups.items()}
    return {label: (pytest.approx(e.value), e.count) for label, e in estimates.items()}


def test_groups_are_quartiles_with_their_ranges() -> None:
    groups = degree_groups(torch.tensor([9, 1, 2, 3, 4, 5, 7, 8]))
    assert groups.labels == ("1-2", "3-4", "5-7", "8-9")
    assert groups.index.tolist() == [3, 0, 0, 1, 1, 2, 2, 3]


def test_equal_degrees_stay_together() -> None:
    groups = degree_groups(torch.tensor([5, 5, 5, 5, 5, 6, 7, 90]))
    assert groups.labels == ("5", "6", "7-90") and groups.index.tolist() == [0, 0, 0, 0, 0, 1, 2, 2]
    assert degree_groups(torch.tensor([3, 3])).labels == ("3",)


def test_cuts_may_come_from_other_degrees() -> None:
    # Items of degree 0 to 5; three of four pairs are of the item with degree 4.
    groups = degree_groups(torch.arange(6), over=torch.tensor([4, 1, 4, 4]), parts=2)
    assert groups.labels == ("1-4",) and groups.index.tolist() == [0] * 6
    groups = degree_groups(torch.arange(6), over=torch.tensor([4, 1, 4, 4]))
    assert groups.labels == ("1", "2-4") and groups.index.tolist() == [0, 0, 1, 1, 1, 1]


def test_nothing_to_group() -> None:
    groups = degree_groups(torch.arange(3), over=torch.empty(0, dtype=torch.int64))
    assert groups.labels == () and groups.index.shape == (3,)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=40), st.integers(1, 6))
def test_every_degree_is_in_the_group_that_names_it(degrees: list[int], parts: int) -> None:
    groups = degree_groups(torch.tensor(degrees), parts=parts)
    ranges = [tuple(map(int, (label.split("-") * 2)[:2])) for label in groups.labels]
    for degree, index in zip(degrees, groups.index.tolist(), strict=True):
        assert ranges[index][0] <= degree <= ranges[index][1]
    assert len(ranges) <= parts and all(a[1] + 1 == b[0] for a, b in pairwise(ranges))
    assert set(groups.index.tolist()) == set(range(len(ranges)))


def test_item_degrees_of_ten_users(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    shares = partition_by_degree(ten_users.rankings, ("visual", "textual"), ten_users.data, k=2)
    # Seven pairs are of items without training interactions: 001, 000, 101, 011, 000, 100, 001. The other five (items
    # 0 and 1) are 111, 100, 010, 110, 111.
    assert values(shares.fusion_loss) == {"0": (1 / 7, 7), "1-2": (3 / 5, 5)}
    assert values(shares.synergy) == {"0": (2 / 7, 7), "1-2": (0, 5)}
    rates = complementarity_by_degree(ten_users.branches, ten_sets)
    assert values(rates["visual", "textual"].content) == {"0": (5 / 14, 14), "1-2": (3 / 8, 8)}
    assert values(rates["visual", "textual"].failure) == {"0": (0, 4), "1-2": (1, 3)}
    assert values(rates["textual", "visual"].content) == {"0": (5 / 13, 13), "1-2": (4 / 10, 10)}
    assert values(rates["textual", "visual"].failure) == {"0": (2 / 6, 6), "1-2": (1, 3)}


def test_user_degrees_of_ten_users(ten_users: TenUsers) -> None:
    fused, single = ten_users.rankings[FUSED], {m: ten_users.rankings[m] for m in ("visual", "textual")}
    # All trained on one item.
    assert values(degeneration_by_degree(fused, single, ten_users.data, k=2)) == {"1": (4 / 10, 10)}
    # Users 0 to 2 with two training items and user 6 with three, all others (and the eleventh) with one.
    more = [(0, 5), (1, 5), (2, 5), (6, 5), (6, 6), (10, 2), (10, 3), (10, 4), (10, 5)]
    pairs = np.concatenate([np.stack(ten_users.data.train.nonzero(), axis=1), more])
    data = replace(ten_users.data, train=csr_from_pairs(*pairs.T, ten_users.data.train.shape))
    assert values(degeneration_by_degree(fused, single, data, k=2)) == {"1": (1 / 6, 6), "2": (2 / 3, 3), "3": (1, 1)}


def test_groups_add_up_to_the_whole(make_data: MakeData) -> None:
    data = make_data(("visual", "textual", "acoustic"), num_users=30, num_items=24, missing=0.2, isolated=True)
    generator = torch.Generator().manual_seed(0)
    tables = torch.randn(2, data.num_users, data.num_items, generator=generator)
    branches = table_branches(*tables)
    rankings = rank(branches, data.train, data.test, k=4, names=branches.names)
    single = {m: rankings[m] for m in branches.modalities}
    sets = candidate_sets(data, 6)

    def total(groups: ByDegree) -> list[float]:
        return sum(measurement.totals[0].sum(axis=0) for measurement in groups.values()).tolist()

    def lost_and_all(rate: Measurement) -> list[float]:
        estimate = rate.estimate(samples=0)
        return [pytest.approx(estimate.value * estimate.count), estimate.count]

    users = degeneration_by_degree(rankings[FUSED], single, data, k=4)
    assert total(users) == fusion_degeneration(rankings[FUSED], single, k=4).rate.totals[0].sum(axis=0).tolist()
    pairs, partition = partition_by_degree(rankings, single, data, k=4), hit_partition(rankings, list(single), k=4)
    assert total(pairs.fusion_loss) == partition.fusion_loss.totals[0].sum(axis=0).tolist()
    assert total(pairs.synergy) == partition.synergy.totals[0].sum(axis=0).tolist()
    assert len(pairs.synergy) > 2
    whole, parts = complementarity(branches, sets), complementarity_by_degree(branches, sets)
    assert len(parts) == 6
    for direction, groups in parts.items():
        failure = whole[direction].failure
        assert (groups.failure is None) == (failure is None) == ("acoustic" in direction)
        if groups.failure is not None and failure is not None:
            assert total(groups.failure) == lost_and_all(failure.rate)
            assert total(groups.content)[1] == failure.condition.totals[0][:, 1].sum()  # all look-alikes
        # Pair by pair, for one group: the lowest one of the positives' degrees.
        label = next(iter(groups.content))
        upper = int(label.split("-")[-1])
        inside = [(u, i) for u, i in zip(*data.test.nonzero(), strict=True) if sets.degree[i] <= upper]
        known = (data.train + data.valid + data.test).toarray() > 0
        look, fused = sets.lookalikes[direction], tables.sum(dim=0)
        lists = {i: look.col[look.row == i].tolist() for _, i in inside}
        lost = [bool(fused[u, j] >= fused[u, i]) for u, i in inside for j in lists[i] if not known[u, j]]
        assert values(groups.content)[label] == (sum(lost) / len(lost), len(lost))


def test_rankings_of_other_pairs_are_refused(ten_users: TenUsers) -> None:
    fewer = {
        name: Ranking(r.users[1:], r.items[1:], r.hits[1:], r.num_relevant[1:])
        for name, r in ten_users.rankings.items()
    }
    with pytest.raises(ValueError, match="not over the test pairs of data set 'ten-users'"):
        partition_by_degree(fewer, ("visual", "textual"), ten_users.data)
    with pytest.raises(ValueError, match="held-out pairs"):
        partition_by_degree(fewer | {FUSED: ten_users.rankings[FUSED]}, ("visual", "textual"), ten_users.data)
    with pytest.raises(ValueError, match="held-out pairs"):
        degeneration_by_degree(ten_users.rankings[FUSED], {"visual": fewer["visual"]}, ten_users.data)


def test_nothing_held_out_has_no_groups(ten_users: TenUsers) -> None:
    data = replace(ten_users.data, test=csr_from_pairs(*np.empty((2, 0), dtype=np.int64), (11, 8)))
    rankings = rank(ten_users.branches, data.train, data.test, k=2, names=ten_users.branches.names)
    single: dict[str, Ranking] = {"visual": rankings["visual"]}
    assert degeneration_by_degree(rankings[FUSED], single, data) == {}
    assert partition_by_degree(rankings, ("visual",), data).synergy == {}
    for rates in complementarity_by_degree(ten_users.branches, candidate_sets(data, 3)).values():
        assert rates.content == rates.failure == {}
