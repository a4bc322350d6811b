import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.diagnosis import degeneration_rate, hit_partition
from brmrs_graph.evaluation import Ranking

HELD_OUT = {0: {1, 2, 3}, 4: {0, 5}}


def ranking_of(*rows: list[int]) -> Ranking:
    """A ranking of users 0 and 4 from their lists of items."""
    users = list(HELD_OUT)
    hits = [[item in HELD_OUT[user] for item in row] for user, row in zip(users, rows, strict=True)]
    relevant = torch.tensor([len(HELD_OUT[user]) for user in users])
    return Ranking(torch.tensor(users), torch.tensor(rows), torch.tensor(hits), relevant)


RANKINGS = {
    # Found, user 0: visual 1, 2; textual 2; fused 2, 3. User 4: visual 5; textual 5, fused neither. 0 by nobody.
    "visual": ranking_of([1, 2, 7], [5, 7, 8]),
    "textual": ranking_of([9, 2, 7], [7, 8, 5]),
    "fused": ranking_of([3, 8, 2], [1, 2, 3]),
}


def test_cells_of_a_hand_made_example() -> None:
    cells = hit_partition(RANKINGS, ("visual", "textual"))
    filled = {cell: share for cell, share in cells.items() if share}
    assert filled == pytest.approx({"100": 1 / 5, "111": 1 / 5, "001": 1 / 5, "110": 1 / 5, "000": 1 / 5})
    assert sorted(cells) == [f"{cell:03b}" for cell in range(8)]


def test_only_the_first_k_places_count() -> None:
    # At k=2: visual 1, 2, 5; textual 2; fused 3.
    cells = hit_partition(RANKINGS, ("visual", "textual"), k=2)
    filled = {cell: share for cell, share in cells.items() if share}
    assert filled == pytest.approx({"100": 2 / 5, "110": 1 / 5, "001": 1 / 5, "000": 1 / 5})


def test_digits_follow_the_order_of_the_modalities() -> None:
    one, other = (hit_partition(RANKINGS, order) for order in (("visual", "textual"), ("textual", "visual")))
    assert all(share == other[cell[1] + cell[0] + cell[2]] for cell, share in one.items())
    assert hit_partition(RANKINGS, ("visual",)) == pytest.approx({"10": 2 / 5, "11": 1 / 5, "01": 1 / 5, "00": 1 / 5})


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2**32))
def test_cells_sum_to_one_and_count_every_pair_once(users: int, relevant: int, modalities: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    num_items, names = 8, [f"m{m}" for m in range(modalities)]
    wanted = [set(torch.randperm(num_items, generator=generator)[:relevant].tolist()) for _ in range(users)]
    tops = {
        name: [torch.randperm(num_items, generator=generator)[:4].tolist() for _ in range(users)]
        for name in (*names, "fused")
    }
    rankings = {
        name: Ranking(
            torch.arange(users),
            torch.tensor(rows),
            torch.tensor([[item in wanted[u] for item in row] for u, row in enumerate(rows)]),
            torch.full((users,), relevant),
        )
        for name, rows in tops.items()
    }
    counts: dict[str, float] = {}
    for user, items in enumerate(wanted):
        for item in items:
            cell = "".join(str(int(item in tops[name][user])) for name in (*names, "fused"))
            counts[cell] = counts.get(cell, 0) + 1 / (users * relevant)
    cells = hit_partition(rankings, names)
    assert len(cells) == 2 ** (modalities + 1) and sum(cells.values()) == pytest.approx(1)
    assert {cell: share for cell, share in cells.items() if share} == pytest.approx(counts)


def test_degeneration_counts_users_that_a_single_modality_serves_better() -> None:
    # User 0: visual finds two in places 1 and 2, fused two in places 1 and 3: worse. User 4: worse too.
    assert degeneration_rate(RANKINGS, ("visual", "textual")) == 1
    # Textual alone finds one in place 2 for user 0: fused is better there, and still worse for user 4.
    assert degeneration_rate(RANKINGS, ("textual",)) == 0.5
    # Within two places fused has its hit at place 1 against textual's at 2, and for user 4 both have none: a draw.
    assert degeneration_rate(RANKINGS, ("textual",), k=2) == 0


def test_equal_rankings_do_not_degenerate() -> None:
    same = dict.fromkeys(("visual", "textual", "fused"), RANKINGS["visual"])
    assert degeneration_rate(same, ("visual", "textual")) == 0
