import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import csr_from_pairs
from brmrs_graph.evaluation import cold_items, ndcg, rank, recall, restrict, summarize

USERS, ITEMS = 6, 15


def matrix(chosen: np.ndarray) -> object:
    return csr_from_pairs(*chosen.nonzero(), (USERS, ITEMS))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), k=st.integers(1, 12))
def test_equals_metrics_written_out_over_the_items_that_count(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    kind = rng.random((USERS, ITEMS))
    seen, held_out = matrix(kind < 0.2), matrix(kind > 0.7)
    items = torch.from_numpy(rng.random(ITEMS) < 0.5)
    vectors = (torch.from_numpy(rng.normal(size=(n, 4)).astype(np.float32)) for n in (USERS, ITEMS))
    branches = Branches(*({FUSED: x} for x in vectors))
    ranking = rank(branches, seen, held_out, k=k)[FUSED]
    part = restrict(ranking, held_out, items)
    scores = branches.score_all(FUSED, torch.arange(USERS)).numpy()
    scores[kind < 0.2] = -np.inf
    expected = {}
    for user in range(USERS):
        wanted = {i for i in range(ITEMS) if kind[user, i] > 0.7 and items[i]}
        if wanted:
            hit = [i in wanted for i in np.argsort(-scores[user])[:k]]
            gain = sum(1 / np.log2(place + 2) for place, found in enumerate(hit) if found)
            ideal = sum(1 / np.log2(place + 2) for place in range(min(k, len(wanted))))
            expected[user] = (sum(hit) / len(wanted), gain / ideal)
    assert part.users.tolist() == list(expected)
    np.testing.assert_allclose(recall(part, k), [values[0] for values in expected.values()])
    np.testing.assert_allclose(ndcg(part, k), [values[1] for values in expected.values()])


def test_all_items_give_the_ranking_itself_and_none_give_no_users() -> None:
    rng = np.random.default_rng(0)
    held_out = matrix(rng.random((USERS, ITEMS)) > 0.6)
    branches = Branches({FUSED: torch.randn(USERS, 3)}, {FUSED: torch.randn(ITEMS, 3)})
    ranking = rank(branches, matrix(np.zeros((USERS, ITEMS))), held_out, k=10)[FUSED]
    every = torch.ones(ITEMS, dtype=torch.bool)
    assert summarize(restrict(ranking, held_out, every)) == summarize(ranking)
    assert restrict(ranking, held_out, ~every).users.numel() == 0


def test_cold_items_have_no_training_pair() -> None:
    train = csr_from_pairs(np.array([0, 1, 1]), np.array([2, 2, 0]), (2, 4))
    assert cold_items(train).tolist() == [False, True, False, True]
