from dataclasses import replace

import pytest
import torch

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis import CandidateSets, candidate_sets
from brmrs_graph.diagnosis.candidates import compare_scores, require_finite
from brmrs_graph.errors import ConfigError, TrainingError
from brmrs_graph.graphs import SparseGraph, knn_graph
from tests.conftest import MakeData
from tests.diagnosis.conftest import TenUsers

K, DELTA = 6, 0.5


@pytest.fixture(scope="module")
def three(make_data: MakeData) -> MultimodalDataset:
    """Three modalities, a quarter of the items without each."""
    return make_data(("visual", "textual", "acoustic"), num_users=20, num_items=40, missing=0.25, isolated=True)


def rows(graph: SparseGraph) -> list[set[int]]:
    return [set(row.nonzero().view(-1).tolist()) for row in graph.with_weight(torch.ones(graph.num_edges)).to_dense()]


def test_sets_of_the_ten_users(ten_sets: CandidateSets) -> None:
    # Of item 4r + 2c + x: the same picture (r) with the other text (c), and so on.
    twin = [{1}, {0}, {3}, {2}, {5}, {4}, {7}, {6}]
    other_text = [{2, 3}, {2, 3}, {0, 1}, {0, 1}, {6, 7}, {6, 7}, {4, 5}, {4, 5}]
    other_picture = [{4, 5}, {4, 5}, {6, 7}, {6, 7}, {0, 1}, {0, 1}, {2, 3}, {2, 3}]
    both_other = [{6, 7}, {6, 7}, {4, 5}, {4, 5}, {2, 3}, {2, 3}, {0, 1}, {0, 1}]
    assert rows(ten_sets.lookalikes["visual", "textual"]) == other_text
    assert rows(ten_sets.lookalikes["textual", "visual"]) == other_picture
    for direction in ten_sets.lookalikes:
        assert rows(ten_sets.close[direction]) == twin
        assert rows(ten_sets.far[direction]) == both_other
    assert ten_sets.degree.tolist() == [2, 1, 0, 4, 0, 0, 0, 4] and ten_sets.num_users == 10
    assert ten_sets.users.tolist() == ten_sets.row.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 9]


@pytest.mark.parametrize("block", [1, 4, 1024])
def test_positives_of_any_split_are_never_compared(ten_sets: CandidateSets, block: int) -> None:
    blocks = list(ten_sets.compared(ten_sets.lookalikes["visual", "textual"], block))
    compared = [(p, i) for pair, item in blocks for p, i in zip(pair.tolist(), item.tolist(), strict=True)]
    # Item 3 is in the validation split of user 0 and in the training split of user 8.
    expected = [{2}, {2, 3}, {2, 3}, {2, 3}, {4, 5}, {4, 5}, {6, 7}, {6, 7}, {2}, {4, 5}, {0, 1}, {6, 7}]
    assert sorted(compared) == [(pair, item) for pair, items in enumerate(expected) for item in sorted(items)]
    assert [pair for pair, _ in compared] == sorted(pair for pair, _ in compared)


def test_users_without_held_out_items_are_left_out(three: MultimodalDataset) -> None:
    test = three.test.tolil()
    test[4] = 0  # besides the last user, who is isolated
    three = replace(three, test=test.tocsr())
    sets = candidate_sets(three, K)
    assert sets.num_users == 18 and sets.users.numel() == three.test.nnz
    assert torch.equal(sets.row, sets.users - (sets.users > 4).long())
    pairs = set(zip(*(x.tolist() for x in three.test.nonzero()), strict=True))
    assert set(zip(sets.users.tolist(), sets.items.tolist(), strict=True)) == pairs


def test_sets_follow_their_definitions(three: MultimodalDataset) -> None:
    sets = candidate_sets(three, K, DELTA, num_far=60, seed=3)
    graphs = {m: knn_graph(x, K, missing=three.missing[m]) for m, x in three.features.items()}
    lists = {m: rows(graph) for m, graph in graphs.items()}
    assert len(sets.lookalikes) == 6
    for a, b in sets.lookalikes:
        apart = [near & far_in(three, lists, b, i) for i, near in enumerate(lists[a])]
        assert rows(sets.lookalikes[a, b]) == apart
        assert rows(sets.close[a, b]) == [one & other for one, other in zip(lists[a], lists[b], strict=True)]
        assert sets.far[a, b] is sets.far[b, a] and sets.close[a, b] is sets.close[b, a]
        # With 60 draws from 40 items nearly all that qualify are drawn; none that does not may be.
        allowed = [far_in(three, lists, a, i) & far_in(three, lists, b, i) for i in range(three.num_items)]
        drawn = rows(sets.far[a, b])
        assert all(mine <= may for mine, may in zip(drawn, allowed, strict=True))
        assert sum(map(len, drawn)) > 0.6 * sum(map(len, allowed)) > 0
        absent = three.missing[a] | three.missing[b]
        assert bool(absent.any())
        for graph in (sets.lookalikes[a, b], sets.close[a, b], sets.far[a, b]):
            assert graph.num_edges and not bool(absent[graph.row].any() or absent[graph.col].any())


@pytest.mark.parametrize("delta", [DELTA, 5.0])  # at 5, only the kNN lists keep items from being far
def test_few_draws_bring_no_stand_ins(three: MultimodalDataset, delta: float) -> None:
    sets = candidate_sets(three, K, delta, num_far=4)
    lists = {m: rows(knn_graph(x, K, missing=three.missing[m])) for m, x in three.features.items()}
    for (a, b), graph in sets.far.items():
        allowed = [
            far_in(three, lists, a, i, delta) & far_in(three, lists, b, i, delta) for i in range(three.num_items)
        ]
        assert graph.num_edges and all(mine <= may for mine, may in zip(rows(graph), allowed, strict=True))


def far_in(
    data: MultimodalDataset, lists: dict[str, list[set[int]]], modality: str, i: int, delta: float = DELTA
) -> set[int]:
    """Items that are not on the list of an item and not too similar, by the formula."""
    present = (~data.missing[modality]).nonzero().view(-1).tolist()
    if i not in present:
        return set()
    x = torch.nn.functional.normalize(data.features[modality].double(), dim=1)
    cosine = x @ x[i]
    z = (cosine - cosine[present].mean()) / cosine[present].std(correction=0)
    return {j for j in present if j != i and j not in lists[modality][i] and z[j] <= delta}


def test_the_seed_draws_the_far_items_and_they_do_not_depend_on_the_model(three: MultimodalDataset) -> None:
    one, again, other = (candidate_sets(three, K, seed=seed).far["visual", "textual"] for seed in (0, 0, 1))
    assert torch.equal(one.indices, again.indices) and rows(one) != rows(other)


def test_one_modality_has_no_directions(make_data: MakeData) -> None:
    sets = candidate_sets(make_data(("visual",)), K)
    assert not sets.lookalikes and not sets.close and not sets.far


def test_more_neighbours_than_items_are_refused(toy: MultimodalDataset) -> None:
    with pytest.raises(ConfigError, match="k=50 nearest neighbours"):
        candidate_sets(toy)


def test_scores_of_both_sides(ten_users: TenUsers, ten_sets: CandidateSets) -> None:
    names = ten_users.branches.names
    for pair, item in ten_sets.compared(ten_sets.far["visual", "textual"], block=3):
        scores = compare_scores(ten_users.branches, ten_sets, pair, item, names)
        for name, (liked, other) in scores.items():
            table = ten_users.branches.score_all(name, torch.arange(11))
            assert torch.equal(liked, table[ten_sets.users[pair], ten_sets.items[pair]])
            assert torch.equal(other, table[ten_sets.users[pair], item])


def test_embeddings_that_are_not_finite_are_refused() -> None:
    x = torch.ones(3, 2)
    broken = Branches({"visual": x, FUSED: x}, {"visual": x, FUSED: x * torch.nan}, ("visual",))
    require_finite(broken, ("visual",))
    with pytest.raises(TrainingError, match="'fused' are not finite"):
        require_finite(broken, broken.names)
