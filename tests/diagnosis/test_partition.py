from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.diagnosis import Partition, hit_partition
from brmrs_graph.diagnosis.partition import found_pairs
from brmrs_graph.evaluation import Ranking
from tests.diagnosis.conftest import TenUsers, ranking_of


def shares(partition: Partition) -> dict[str, float]:
    """Cell -> share."""
    return {cell: share.estimate(samples=0).value for cell, share in partition.cells.items()}


def test_cells_of_ten_users(ten_users: TenUsers) -> None:
    partition = hit_partition(ten_users.rankings, ("visual", "textual"), k=2)
    # User 0: 111, 1: 100, 2: 010, 3: 110, 4: 001, 5: 000, 6: 101, 7: 011, 8: 111 and 000, 9: 100 and 001.
    in_twelfths = {"111": 2, "100": 2, "010": 1, "110": 1, "001": 2, "000": 2, "101": 1, "011": 1}
    assert shares(partition) == pytest.approx({cell: count / 12 for cell, count in in_twelfths.items()})
    assert list(partition.cells) == [f"{cell:03b}" for cell in range(8)]
    assert partition.branches == ("visual", "textual", "fused") and partition.k == 2
    for summary, count in (("fusion_loss", 4), ("fusion_keeps", 4), ("synergy", 2), ("none", 2)):
        estimate = getattr(partition, summary).estimate()
        assert estimate.value == pytest.approx(count / 12) and estimate.count == 12
        assert estimate.low < estimate.value < estimate.high
    # Users 8 and 9 add two pairs each.
    assert partition.none.totals[0].tolist() == [[u in (5, 8), 1 + (u in (8, 9))] for u in range(10)]


def test_chance_is_what_modalities_of_other_seeds_find_of_what_none_found(ten_users: TenUsers) -> None:
    other = dict(zip(("visual", "textual"), ten_users.other_seeds, strict=True)) | {
        "fused": ten_users.rankings["fused"]
    }
    partition = hit_partition(ten_users.rankings, ("visual", "textual"), k=2, other_seeds=[other])
    # Neither modality finds (4, 6), (5, 6), (8, 6) and (9, 5). The other visual ranking finds the first two and the
    # last, the other textual one all of them; the fused one, which finds the first and the last, does not count.
    assert partition.synergy_chance is not None
    assert partition.synergy_chance.estimate().value == pytest.approx((3 + 4) / 2 / 12)
    assert partition.beyond_chance is not None
    assert partition.beyond_chance.estimate().value == pytest.approx((2 - (3 + 4) / 2) / 12)
    one = hit_partition(ten_users.rankings, ("visual", "textual"), k=1, other_seeds=[other, other])
    # At the first place alone: (5, 6) and (9, 5) for the one, (4, 6) and (8, 6) for the other.
    assert one.synergy_chance is not None and one.synergy_chance.estimate().value == pytest.approx((2 + 2) / 2 / 12)


def test_without_another_seed_chance_is_not_measured(ten_users: TenUsers) -> None:
    assert hit_partition(ten_users.rankings, ("visual", "textual"), k=2).synergy_chance is None


def test_only_the_first_k_places_count(ten_users: TenUsers) -> None:
    # At the first place: visual finds (0, 0), (1, 0), (6, 4), (8, 1), (9, 2); textual (0, 0), (7, 4), (8, 1);
    # fused (0, 0), (4, 6), (7, 4), (8, 1), (9, 5).
    partition = hit_partition(ten_users.rankings, ("visual", "textual"), k=1)
    in_twelfths = {"111": 2, "100": 3, "011": 1, "001": 2, "000": 4, "010": 0, "110": 0, "101": 0}
    assert shares(partition) == pytest.approx({cell: count / 12 for cell, count in in_twelfths.items()})


def test_digits_follow_the_order_of_the_modalities(ten_users: TenUsers) -> None:
    orders = (("visual", "textual"), ("textual", "visual"))
    one, other = (shares(hit_partition(ten_users.rankings, order, k=2)) for order in orders)
    assert all(share == other[cell[1] + cell[0] + cell[2]] for cell, share in one.items()) and one != other
    single = shares(hit_partition(ten_users.rankings, ("visual",), k=2))
    assert single == pytest.approx({"10": 3 / 12, "11": 3 / 12, "01": 3 / 12, "00": 3 / 12})


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2**32))
def test_cells_sum_to_one_and_count_every_pair_once(users: int, relevant: int, modalities: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    num_items, names = 8, [f"m{m}" for m in range(modalities)]
    wanted = {u: torch.randperm(num_items, generator=generator)[:relevant].tolist() for u in range(users)}
    tops = {
        name: [torch.randperm(num_items, generator=generator)[:4].tolist() for _ in range(users)]
        for name in (*names, "fused", *(f"again {name}" for name in names))
    }
    rankings = {name: ranking_of(rows, wanted) for name, rows in tops.items()}
    cells = {"".join(cell): 0.0 for cell in product("01", repeat=modalities + 1)}
    rescued = 0.0
    for user, items in wanted.items():
        for item in items:
            found = [item in tops[name][user] for name in (*names, "fused")]
            cells["".join(str(int(hit)) for hit in found)] += 1 / (users * relevant)
            anew = sum(item in tops[f"again {name}"][user] for name in names) / modalities
            rescued += (not any(found[:-1])) * anew / (users * relevant)
    again = {name: rankings[f"again {name}"] for name in names}
    partition = hit_partition(rankings, names, other_seeds=[again])
    assert shares(partition) == pytest.approx(cells) and sum(cells.values()) == pytest.approx(1)
    parts = (partition.fusion_loss, partition.fusion_keeps, partition.synergy, partition.none)
    loss, keeps, synergy, none = (part.estimate(samples=0).value for part in parts)
    assert loss == pytest.approx(sum(s for c, s in cells.items() if "1" in c[:-1] and c[-1] == "0"))
    assert keeps == pytest.approx(sum(s for c, s in cells.items() if "1" in c[:-1] and c[-1] == "1"))
    assert loss + keeps + synergy + none == pytest.approx(1)
    assert partition.synergy_chance is not None
    assert partition.synergy_chance.estimate(samples=0).value == pytest.approx(rescued)


def test_found_pairs_say_who_finds_them(ten_users: TenUsers) -> None:
    found = found_pairs(ten_users.rankings, ("textual", "fused"), k=2)
    pairs = {(int(u), int(i)): hit.tolist() for u, i, hit in zip(found.row, found.item, found.hit, strict=True)}
    assert pairs[2, 0] == [True, False] and pairs[9, 5] == [False, True] and (1, 0) not in pairs


def test_rankings_of_other_users_are_refused(ten_users: TenUsers) -> None:
    some = ten_users.rankings["visual"]
    fewer = Ranking(*(x[1:] for x in (some.users, some.items, some.hits, some.num_relevant)))
    more = Ranking(some.users, some.items, some.hits, some.num_relevant + 1)
    for other in (fewer, more):
        with pytest.raises(ValueError, match="held-out pairs"):
            hit_partition(ten_users.rankings | {"visual": other}, ("visual", "textual"))
        with pytest.raises(ValueError, match="held-out pairs"):
            hit_partition(
                ten_users.rankings, ("visual", "textual"), other_seeds=[ten_users.rankings | {"textual": other}]
            )


def test_nothing_held_out_is_not_measured(ten_users: TenUsers) -> None:
    nothing = {
        name: Ranking(r.users[:0], r.items[:0], r.hits[:0], r.num_relevant[:0])
        for name, r in ten_users.rankings.items()
    }
    partition = hit_partition(nothing, ("visual", "textual"), other_seeds=[nothing])
    assert partition.synergy_chance is not None
    for measurement in (*partition.cells.values(), partition.fusion_loss, partition.synergy_chance):
        assert str(measurement.estimate()) == "not measured"
