from itertools import combinations
from math import log2

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.diagnosis import fusion_degeneration
from brmrs_graph.evaluation import Measurement, Ranking, ndcg
from tests.diagnosis.conftest import TenUsers, ranking_of

SECOND = 1 / log2(3)
"""NDCG of one hit at the second place, for a user with one held-out item."""


def value(measurement: Measurement | None) -> float:
    assert measurement is not None
    return measurement.estimate(samples=0).value


def single(rankings: dict[str, Ranking]) -> dict[str, Ranking]:
    return {name: ranking for name, ranking in rankings.items() if name != "fused"}


def test_rates_of_ten_users(ten_users: TenUsers) -> None:
    result = fusion_degeneration(ten_users.rankings["fused"], single(ten_users.rankings), k=2)
    # Users 1 (visual 1, fused 0), 2 (textual .63, fused 0), 3 (both .63, fused 0), 6 (visual 1, fused .63) lose.
    # Nobody finds anything for user 5. Users 8 and 9 find one of two at the first place, with and without fusing.
    assert value(result.rate) == pytest.approx(4 / 10)
    assert value(result.rate_where_found) == pytest.approx(4 / 9)
    assert value(result.loss) == pytest.approx((1 + SECOND + SECOND + (1 - SECOND)) / 10)
    estimate = result.rate_where_found.estimate()
    assert estimate.count == 9 and estimate.low < estimate.value < estimate.high


def test_a_single_modality_in_the_place_of_the_fused_ranking(ten_users: TenUsers) -> None:
    rankings = ten_users.rankings
    result = fusion_degeneration(rankings["fused"], single(rankings), k=2)
    of_each = {
        name: value(fusion_degeneration(rankings[name], {o: r for o, r in rankings.items() if o != name}, k=2).rate)
        for name in ("visual", "textual")
    }
    # Visual is below the best of the others for users 2, 4, 7, textual for 1, 4, 6, 9 (finds nothing there).
    assert of_each == pytest.approx({"visual": 3 / 10, "textual": 4 / 10})
    assert value(result.of_single) == pytest.approx(3.5 / 10)
    assert value(result.beyond_single) == pytest.approx(0.5 / 10)
    assert result.beyond_single.estimate().count == 10


def test_chance_of_ten_users(ten_users: TenUsers) -> None:
    result = fusion_degeneration(
        ten_users.rankings["fused"], single(ten_users.rankings), k=2, other_seeds=ten_users.other_seeds
    )
    # Of the two other seeds the better one is ahead for users 1, 5, 6, 8 (finds both) and 9 (finds both); neither they
    # nor fused find anything for users 2 and 3.
    assert value(result.chance) == pytest.approx(5 / 10)
    assert value(result.chance_where_found) == pytest.approx(5 / 8)
    assert value(result.excess) == pytest.approx(4 / 10 - 5 / 10)
    assert value(result.excess_where_found) == pytest.approx(4 / 9 - 5 / 8)
    assert result.excess is not None and result.excess.estimate().count == 10


def test_chance_needs_as_many_other_seeds_as_modalities(ten_users: TenUsers) -> None:
    fused, both = ten_users.rankings["fused"], single(ten_users.rankings)
    result = fusion_degeneration(fused, both, k=2, other_seeds=ten_users.other_seeds[:1])
    assert [result.chance, result.chance_where_found, result.excess, result.excess_where_found] == [None] * 4
    # Against one modality one seed is enough: it is ahead for users 1, 5, 6 and 9.
    one = fusion_degeneration(fused, {"visual": both["visual"]}, k=2, other_seeds=ten_users.other_seeds[:1])
    assert value(one.rate) == pytest.approx(3 / 10) and value(one.chance) == pytest.approx(4 / 10)


def test_unimodal_models_trained_alone_take_the_place_of_branches(ten_users: TenUsers) -> None:
    alone = dict(zip(("visual", "textual"), ten_users.other_seeds, strict=True))
    result = fusion_degeneration(ten_users.rankings["fused"], alone, k=2, other_seeds=ten_users.other_seeds)
    assert value(result.rate) == value(result.chance) == 0.5 and value(result.excess) == 0
    # Compared with rankings as good as those of other seeds, the excess is zero in the smaller group as well.
    assert value(result.rate_where_found) == pytest.approx(5 / 8) and value(result.excess_where_found) == 0


@settings(deadline=None)
@given(st.integers(1, 8), st.integers(1, 3), st.integers(0, 3), st.integers(0, 2**32))
def test_equals_a_loop_over_users_and_choices_of_seeds(users: int, modalities: int, more: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    held_out = {u: torch.randperm(9, generator=generator)[: 1 + u % 3].tolist() for u in range(users)}

    def draw() -> Ranking:
        return ranking_of([torch.randperm(9, generator=generator)[:3].tolist() for _ in range(users)], held_out)

    fused, unimodal = draw(), {f"m{m}": draw() for m in range(modalities)}
    seeds = [draw() for _ in range(modalities + more)]
    result = fusion_degeneration(fused, unimodal, k=3, other_seeds=seeds)
    mine = ndcg(fused, 3).tolist()
    best = [max(values) for values in zip(*(ndcg(r, 3).tolist() for r in unimodal.values()), strict=True)]
    worse = [m < b for m, b in zip(mine, best, strict=True)]
    found = [max(m, b) > 0 for m, b in zip(mine, best, strict=True)]
    assert value(result.rate) == pytest.approx(sum(worse) / users)
    assert value(result.loss) == pytest.approx(sum(max(0, b - m) for m, b in zip(mine, best, strict=True)) / users)
    if any(found):
        assert value(result.rate_where_found) == pytest.approx(sum(worse) / sum(found))
    others = torch.stack([ndcg(r, 3) for r in seeds])
    picks = [others[list(pick)].amax(dim=0) for pick in combinations(range(len(seeds)), modalities)]
    by_chance = sum(float((ndcg(fused, 3) < pick).double().sum()) for pick in picks) / len(picks)
    found_too = sum(float((torch.maximum(ndcg(fused, 3), pick) > 0).double().sum()) for pick in picks) / len(picks)
    assert value(result.chance) == pytest.approx(by_chance / users)
    if found_too:
        assert value(result.chance_where_found) == pytest.approx(by_chance / found_too)
    assert value(result.excess) == pytest.approx((sum(worse) - by_chance) / users)
    gains = [ndcg(r, 3).tolist() for r in (fused, *unimodal.values())]
    below = [
        sum(gains[m][u] < max(gains[r][u] for r in range(modalities + 1) if r != m) for m in range(1, modalities + 1))
        for u in range(users)
    ]
    assert value(result.of_single) == pytest.approx(sum(below) / modalities / users)
    assert value(result.beyond_single) == pytest.approx((sum(worse) - sum(below) / modalities) / users)


def test_equal_hits_are_a_draw_whatever_the_user(ten_users: TenUsers) -> None:
    same = ten_users.rankings["visual"]
    assert value(fusion_degeneration(same, {"visual": same, "textual": same}).rate) == 0
    # All hit lists of eight places, each for users with 1 to 20 held-out items, in two orders of the users.
    hits = torch.tensor([[bool(number >> place & 1) for place in range(8)] for number in range(256)]).repeat(20, 1)
    relevant = torch.arange(1, 21).repeat_interleave(256)
    order = torch.randperm(len(hits), generator=torch.Generator().manual_seed(0))
    items, users = torch.zeros(hits.shape, dtype=torch.int64), torch.arange(len(hits))
    one = ndcg(Ranking(users, items, hits, relevant), 20)
    other = ndcg(Ranking(users, items, hits[order], relevant[order]), 20)
    assert torch.equal(one[order], other)
    # Different lists of hits never have the same gain by accident of rounding.
    assert one.view(20, 256)[0].unique().numel() == 256


def test_nothing_found_or_held_out_is_not_measured(ten_users: TenUsers) -> None:
    some = ten_users.rankings["visual"]
    blind = Ranking(some.users, some.items, torch.zeros_like(some.hits), some.num_relevant)
    result = fusion_degeneration(blind, {"visual": blind})
    assert value(result.rate) == 0 and str(result.rate_where_found.estimate()) == "not measured"
    nobody = Ranking(some.users[:0], some.items[:0], some.hits[:0], some.num_relevant[:0])
    result = fusion_degeneration(nobody, {"visual": nobody}, other_seeds=[nobody])
    assert result.excess is not None and result.chance is not None
    for measurement in (result.rate, result.loss, result.chance, result.excess):
        assert str(measurement.estimate()) == "not measured"


def test_rankings_must_be_there_and_of_the_same_users(ten_users: TenUsers) -> None:
    some = ten_users.rankings["visual"]
    fewer = Ranking(*(x[1:] for x in (some.users, some.items, some.hits, some.num_relevant)))
    for arguments in ({"single": {"visual": fewer}}, {"single": {"visual": some}, "other_seeds": [fewer]}):
        with pytest.raises(ValueError, match="held-out pairs"):
            fusion_degeneration(some, **arguments)
    with pytest.raises(ValueError, match="no unimodal ranking"):
        fusion_degeneration(some, {})
