import numpy as np
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.evaluation import rank


def branches_of(scores: Tensor, **others: Tensor) -> Branches:
    """Branches whose scores are the given matrices."""
    tables = {**others, FUSED: scores}
    return Branches(tables, {name: torch.eye(x.size(1)) for name, x in tables.items()})


def naive_order(scores: list[float], seen: set[int]) -> list[int]:
    """Items of one user, best first: unseen before seen, higher score before lower, lower id before higher."""
    return sorted(range(len(scores)), key=lambda item: (item in seen, -scores[item] if item not in seen else 0, item))


@st.composite
def problems(draw: st.DrawFn) -> tuple[Tensor, sp.csr_matrix, sp.csr_matrix]:
    """Scores of few distinct values, and disjoint seen and held-out interactions."""
    num_users, num_items = draw(st.integers(1, 9)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = draw(st.integers(1, 6))
    scores = torch.from_numpy(rng.integers(-values, values, (num_users, num_items)).astype(np.float32))
    kind = rng.choice(3, (num_users, num_items), p=[0.5, 0.25, 0.25])
    kind[rng.random(num_users) < 0.3] = 0  # users without any interaction
    return scores, sp.csr_matrix(kind == 1, dtype=np.float32), sp.csr_matrix(kind == 2, dtype=np.float32)


@settings(deadline=None, max_examples=150)
@given(problems(), st.integers(1, 15), st.integers(1, 10))
def test_equals_a_naive_sort_of_every_user_for_any_k_and_block(
    problem: tuple[Tensor, sp.csr_matrix, sp.csr_matrix], k: int, block: int
) -> None:
    scores, seen, held_out = problem
    ranking = rank(branches_of(scores), seen, held_out, k, block=block)[FUSED]
    users = [user for user in range(scores.size(0)) if held_out[user].nnz]
    assert ranking.users.tolist() == users
    assert ranking.items.shape == ranking.hits.shape == (len(users), min(k, scores.size(1)))
    for row, user in enumerate(users):
        wanted = set(held_out[user].indices.tolist())
        order = naive_order(scores[user].tolist(), set(seen[user].indices.tolist()))[:k]
        assert ranking.items[row].tolist() == order
        assert ranking.hits[row].tolist() == [item in wanted for item in order]
        assert ranking.num_relevant[row] == len(wanted)


def test_equal_scores_everywhere_rank_by_id() -> None:
    held_out = sp.csr_matrix(np.eye(3, 500, dtype=np.float32))
    seen = sp.csr_matrix((3, 500), dtype=np.float32)
    assert (rank(branches_of(torch.zeros(3, 500)), seen, held_out)[FUSED].items == torch.arange(20)).all()


def test_only_the_given_training_items_are_masked() -> None:
    scores = torch.arange(6.0).flip(0).unsqueeze(0)  # item 0 is best
    train, valid, test = (sp.csr_matrix(np.eye(6, dtype=np.float32)[[item]]) for item in (0, 1, 2))
    assert rank(branches_of(scores), train, valid, k=3)[FUSED].items.tolist() == [[1, 2, 3]]
    assert rank(branches_of(scores), train, test, k=3)[FUSED].items.tolist() == [[1, 2, 3]]


def test_every_branch_is_ranked_by_its_own_scores() -> None:
    generator = torch.Generator().manual_seed(0)
    visual, fused = torch.randn(2, 30, 8, generator=generator)
    held_out = sp.csr_matrix(np.ones((30, 8), dtype=np.float32))
    seen = sp.csr_matrix((30, 8), dtype=np.float32)
    rankings = rank(branches_of(fused, visual=visual), seen, held_out, k=8, names=("visual", FUSED), block=7)
    assert torch.equal(rankings["visual"].items, visual.argsort(dim=1, descending=True))
    assert torch.equal(rankings[FUSED].items, fused.argsort(dim=1, descending=True))


def test_nothing_held_out_gives_an_empty_ranking() -> None:
    empty = sp.csr_matrix((4, 6), dtype=np.float32)
    ranking = rank(branches_of(torch.zeros(4, 6)), empty, empty, k=3)[FUSED]
    assert ranking.users.numel() == ranking.num_relevant.numel() == 0
    assert ranking.items.shape == ranking.hits.shape == (0, 3)
