from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis import CandidateSets, candidate_sets, item_pair_cases, lost_users
from brmrs_graph.diagnosis.cases import ItemPair, illustrated
from brmrs_graph.errors import TrainingError
from brmrs_graph.evaluation import Ranking, rank
from tests.conftest import MakeData
from tests.diagnosis.conftest import TEXTUAL, VISUAL, TenUsers, score_table, table_branches

VT, TV = ("visual", "textual"), ("textual", "visual")
Triple = tuple[int, int, int]


def triples(cases: tuple[ItemPair, ...], direction: tuple[str, str], outcome: str) -> list[Triple]:
    chosen = [case for case in cases if (case.direction, case.outcome) == (direction, outcome)]
    return [(case.user, case.liked, case.lookalike) for case in chosen]


@pytest.fixture
def mended() -> Branches:
    """The ten users' scores with those of some liked items raised, so that four users' fused scores are right."""
    visual, textual = score_table(VISUAL), score_table(TEXTUAL)
    for table, user, item, score in (
        (textual, 2, 0, 20),
        (textual, 3, 0, 9),
        (visual, 1, 0, 20),
        (visual, 6, 4, 9),
        (visual, 9, 2, 7),
    ):
        table[user, item] = score
    return table_branches(visual, textual)


def test_one_run_of_ten_users(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    cases = item_pair_cases(ten_users.data, ten_sets, ten_users.branches)
    # In the pictures fooled, in the texts right: user 2 with item 0 before 2 or 3 (fused margins -7, -6), user 3 with
    # 0 before 2 (-6), user 4 with 6 before 4 or 5 (2, 3), user 7 with 4 before 6 or 7 (3, 4). Item 0 comes once.
    assert triples(cases, VT, "wrong") == [(2, 0, 2)]
    assert triples(cases, VT, "right") == [(7, 4, 7), (4, 6, 5)]
    # The other way round: user 1 with 0 before 4 or 5 (-6, -5), user 3 with 0 before 4 (-6), user 4 with 6 before 2 or
    # 3 (2, 3), user 6 with 4 before 0 or 1 (-1, 1), user 9 with 2 before 6 or 7 (-1, 1). Of equals the first comes.
    assert triples(cases, TV, "wrong") == [(1, 0, 4), (9, 2, 6)]
    assert triples(cases, TV, "right") == [(4, 6, 3), (6, 4, 1), (9, 2, 7)]
    assert all(case.margins_before is None for case in cases)


def test_margins_are_in_standard_deviations_of_the_branch(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    case = next(c for c in item_pair_cases(ten_users.data, ten_sets, ten_users.branches) if c.outcome == "wrong")
    assert (case.user, case.liked, case.lookalike) == (2, 0, 2)
    raw = {"visual": 0 - 9, "textual": 2 - 0, "fused": 2 - 9}
    deviation = {name: np.std(all_margins(ten_sets, ten_users.branches, VT, name)) for name in raw}
    assert case.margins == pytest.approx({name: margin / deviation[name] for name, margin in raw.items()})


def all_margins(sets: CandidateSets, branches: Branches, direction: tuple[str, str], name: str) -> list[float]:
    table = branches.score_all(name, torch.arange(branches.num_users)).double()
    comparisons = [
        (int(p), int(j))
        for pair, item in sets.compared(sets.lookalikes[direction])
        for p, j in zip(pair, item, strict=True)
    ]
    return [float(table[sets.users[p], sets.items[p]] - table[sets.users[p], j]) for p, j in comparisons]


def test_two_runs_of_ten_users(ten_users: TenUsers, ten_sets: CandidateSets, mended: Branches) -> None:
    cases = item_pair_cases(ten_users.data, ten_sets, mended, ten_users.branches)
    assert {case.outcome for case in cases} == {"mended"}
    # Fused margins, before and after: user 2 with 0 before 2 (-7, 11) or 3 (-6, 12), user 3 with 0 before 2 (-6, 1).
    before, after = (np.std(all_margins(ten_sets, b, VT, FUSED)) for b in (ten_users.branches, mended))
    swing = {2: 11 / after + 7 / before, 3: 12 / after + 6 / before}
    assert triples(cases, VT, "mended") == [(2, 0, max(swing, key=lambda item: swing[item]))]
    # User 1 with 0 before 4 (-6, 11) or 5 (-5, 12), user 6 with 4 before 0 (-1, 6), user 9 with 2 before 6 (-1, 1).
    assert triples(cases, TV, "mended")[0][:2] == (1, 0)
    assert triples(cases, TV, "mended")[-1] == (9, 2, 6)
    for case in cases:
        assert case.margins_before is not None and case.margins_before.keys() == case.margins.keys()
        a, b = case.direction
        assert case.margins_before[a] <= 0 < case.margins_before[b]
        assert case.margins_before[FUSED] <= 0 < case.margins[FUSED]
    assert item_pair_cases(ten_users.data, ten_sets, ten_users.branches, ten_users.branches) == ()


def naive(
    data: MultimodalDataset, sets: CandidateSets, runs: list[Branches], direction: tuple[str, str], outcome: str, n: int
) -> list[Triple]:
    """Comparison by comparison: all that qualify, sorted, the first of every user and item."""
    tables = [{m: run.score_all(m, torch.arange(data.num_users)).double() for m in run.names} for run in runs]
    spread = [np.std(all_margins(sets, run, direction, FUSED)) for run in runs]
    graph, (a, b), shown, found = sets.lookalikes[direction], direction, illustrated(data), []
    known = (data.train + data.valid + data.test).toarray() > 0
    for u, i in zip(sets.users.tolist(), sets.items.tolist(), strict=True):
        for j in graph.col[graph.row == i].tolist():
            first = {name: float(table[u, i] - table[u, j]) for name, table in tables[0].items()}
            if known[u, j] or first[a] > 0 or first[b] <= 0:
                continue
            fused = [float(table[FUSED][u, i] - table[FUSED][u, j]) for table in tables]
            wanted = {"right": fused[0] > 0, "wrong": fused[0] <= 0, "mended": fused[0] <= 0 < fused[-1]}[outcome]
            strength = abs(fused[0]) if len(runs) == 1 else fused[1] / spread[1] - fused[0] / spread[0]
            if wanted:
                found.append(((not (shown[i] and shown[j]), -strength), (u, i, j)))
    chosen: list[Triple] = []
    for _, (u, i, j) in sorted(found, key=lambda entry: entry[0]):
        if len(chosen) < n and all(u != v and not {i, j} & {k, m} for v, k, m in chosen):
            chosen.append((u, i, j))
    return chosen


@pytest.mark.parametrize("n", [2, 6])
def test_equals_comparison_by_comparison(make_data: MakeData, n: int) -> None:
    data = make_data(("visual", "textual"), num_users=40, num_items=60, missing=0.1, isolated=True)
    pictures = [Path("x.jpg") if item % 3 else None for item in range(60)]
    data = replace(data, pictures=pictures, texts=["words" if item % 5 else " " for item in range(60)])
    sets, generator = candidate_sets(data, 12), torch.Generator().manual_seed(0)
    tables = [torch.randn(40, 60, generator=generator).mul(8).round() for _ in range(4)]
    before, after = table_branches(*tables[:2]), table_branches(*tables[2:])
    alone, both = item_pair_cases(data, sets, after, n=n), item_pair_cases(data, sets, after, before, n=n)
    for direction in (VT, TV):
        for outcome in ("right", "wrong"):
            expected = naive(data, sets, [after], direction, outcome, n)
            assert len(expected) == n and triples(alone, direction, outcome) == expected
        expected = naive(data, sets, [before, after], direction, "mended", n)
        assert len(expected) == n and triples(both, direction, "mended") == expected
    assert item_pair_cases(data, sets, after, before, n=n) == both
    plain = replace(data, pictures=None, texts=None)
    assert item_pair_cases(data, sets, after, n=n, prefer_illustrated=False) == item_pair_cases(plain, sets, after, n=n)
    assert item_pair_cases(plain, sets, after, n=n) != alone


def test_items_that_can_be_shown(ten_users: TenUsers) -> None:
    assert illustrated(ten_users.data).all()
    some = replace(ten_users.data, pictures=[None, *[Path("x.jpg")] * 7], texts=["", "", *["words"] * 6])
    assert illustrated(some).tolist() == [False, False, *[True] * 6]


def test_pairs_that_can_be_shown_come_first(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    # Without a picture of item 7 or a text of item 5, users 7 and 4 are shown with other look-alikes.
    data = replace(
        ten_users.data, pictures=[*[Path("x.jpg")] * 7, None], texts=["" if item == 5 else "words" for item in range(8)]
    )
    cases = item_pair_cases(data, ten_sets, ten_users.branches)
    assert triples(cases, VT, "right") == [(7, 4, 6)]
    assert triples(item_pair_cases(data, ten_sets, ten_users.branches, n=1), TV, "right") == [(4, 6, 3)]


def test_lost_users_of_ten_users(ten_users: TenUsers) -> None:
    cases = lost_users(ten_users.rankings, ("visual", "textual"), ten_users.data, k=2)
    # Users 1, 2, 3 have a missed item, user 6 only a worse place for it: shown last, and losing least.
    assert [case.user for case in cases] == [1, 2, 3, 6]
    assert [case.modality for case in cases] == ["visual", "textual", "visual", "visual"]
    first = cases[0]
    assert first.ndcg == {"visual": 1, "textual": 0, "fused": 0}
    assert (first.history, first.missed, first.top, first.top_hits) == ((7,), (0,), (4, 5), (False, False))
    assert cases[-1].missed == () and cases[-1].top_hits == (False, True)
    assert lost_users(ten_users.rankings, ("visual", "textual"), ten_users.data, k=2, n=1) == (first,)


def test_users_with_a_missed_item_to_show_come_first(ten_users: TenUsers) -> None:
    data = replace(ten_users.data, pictures=[None, *[Path("x.jpg")] * 7])
    cases = lost_users(ten_users.rankings, ("visual", "textual"), data, k=2)
    assert [case.user for case in cases] == [1, 2, 3, 6]  # nobody's can be shown: by the loss alone
    rankings = dict(ten_users.rankings)
    fused = rankings[FUSED]
    hits = fused.hits.clone()
    hits[4] = False  # as if user 4's item 6 were not found by fusing, and the texts found it first
    rankings[FUSED] = Ranking(fused.users, fused.items.clone(), hits, fused.num_relevant)
    rankings[FUSED].items[4] = torch.tensor([1, 2])
    textual = rankings["textual"]
    items, found = textual.items.clone(), textual.hits.clone()
    items[4], found[4] = torch.tensor([2, 6]), torch.tensor([False, True])
    rankings["textual"] = Ranking(textual.users, items, found, textual.num_relevant)
    assert [case.user for case in lost_users(rankings, ("visual", "textual"), data, k=2)] == [4, 1, 2, 3, 6]
    unshown = lost_users(rankings, ("visual", "textual"), data, k=2, prefer_illustrated=False)
    assert [case.user for case in unshown] == [1, 2, 3, 4, 6]


def test_history_is_short_and_shows_what_can_be_shown(make_data: MakeData) -> None:
    data = make_data(num_users=12, num_items=30)
    train = (data.train + data.valid).tolil()  # eight items each,
    train[0] = 1  # but for one user, who knows all
    data = replace(data, train=train.tocsr(), pictures=[Path("x.jpg") if item % 2 else None for item in range(30)])
    branches = table_branches(*torch.randn(2, 12, 30, generator=torch.Generator().manual_seed(0)))
    rankings = rank(branches, data.valid, data.test, k=5, names=branches.names)
    cases = {case.user: case for case in lost_users(rankings, ("visual", "textual"), data, k=5, n=12)}
    assert len(cases) > 2
    for user, case in cases.items():
        mine = sorted(data.train[user].indices.tolist())
        assert case.history == tuple(sorted(mine, key=lambda item: item % 2 == 0)[:8])
        assert case.ndcg[case.modality] == max(case.ndcg.values()) > case.ndcg[FUSED]
        row = int((rankings[FUSED].users == user).nonzero())
        held_out = set(data.test[user].indices.tolist())
        of_best, of_fused = (rankings[name].items[row].tolist() for name in (case.modality, FUSED))
        assert case.missed == tuple(item for item in of_best if item in held_out and item not in of_fused)
        assert case.top == tuple(of_fused) and case.top_hits == tuple(item in held_out for item in of_fused)


def test_directions_without_branches_have_no_cases(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    table, items = score_table(VISUAL), torch.eye(8)
    one = Branches({"visual": table, FUSED: table}, {"visual": items, FUSED: items}, ("visual",))
    assert item_pair_cases(ten_users.data, ten_sets, one) == ()
    assert item_pair_cases(ten_users.data, ten_sets, ten_users.branches, one) == ()


def test_bad_input_is_refused(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    table = score_table(VISUAL)
    with pytest.raises(TrainingError, match="'textual' are not finite"):
        item_pair_cases(ten_users.data, ten_sets, table_branches(table, table * torch.nan))
    fewer = Ranking(*(x[1:] for x in vars(ten_users.rankings["visual"]).values()))
    with pytest.raises(ValueError, match="held-out pairs"):
        lost_users(ten_users.rankings | {"visual": fewer}, ("visual", "textual"), ten_users.data)
