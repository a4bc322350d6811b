import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from brmrs_graph.sampling import adaptive, hardest, mixed

CANDIDATES = torch.tensor([[7, 3, 9], [4, 4, 0], [5, 6, 8]])
SCORES = torch.tensor([[0.1, 0.5, -1.0], [-3.0, -2.0, -2.5], [1.0, 2.0, 3.0]])
numbers = st.floats(-4, 4, width=32)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_takes_the_candidate_of_the_highest_score_in_every_row() -> None:
    assert hardest(CANDIDATES, SCORES).tolist() == [3, 4, 8]


def test_a_single_candidate_is_always_taken() -> None:
    candidates, scores = torch.tensor([[2], [0]]), torch.tensor([[-1.0], [5.0]])
    positive = torch.tensor([-9.0, 0.3])
    assert hardest(candidates, scores).tolist() == [2, 0]
    assert adaptive(candidates, scores, positive).tolist() == [2, 0]
    assert mixed(candidates, scores, positive)[0].tolist() == [2, 0]


@given(
    scores=st.lists(numbers, min_size=1, max_size=6),
    positive=st.floats(-0.9375, 4, width=32),
    alpha=st.sampled_from([1.0, 1.5]),
    beta=st.sampled_from([0.1, 0.5, 2.0]),
    p=st.sampled_from([-2.0, -3.0]),
)
def test_adaptive_hardness_takes_the_candidate_nearest_to_the_one_wanted(
    scores: list[float], positive: float, alpha: float, beta: float, p: float
) -> None:
    chosen = adaptive(
        torch.arange(len(scores)).unsqueeze(0), torch.tensor([scores]), torch.tensor([positive]), alpha, beta, p
    )
    wanted = beta * (positive + alpha) ** (p + 1)
    distance = [abs(score - wanted) for score in scores]
    # In single precision large powers lose digits; above all candidates the hardest is the nearest, whatever they are.
    assert distance[int(chosen)] == pytest.approx(min(distance), rel=1e-4, abs=1e-4)
    if wanted >= max(scores):
        assert scores[int(chosen)] == max(scores)


def test_the_better_a_positive_does_the_easier_its_adaptive_negative_is() -> None:
    scores = torch.linspace(0, 1, 101)
    positive = torch.tensor([-0.9, -0.5, 0.0, 1.0, 9.0])
    chosen = adaptive(torch.arange(101).expand(5, -1), scores.expand(5, -1), positive, alpha=1.0, beta=0.1)
    assert chosen.tolist() == [100, 20, 10, 5, 1]


@pytest.mark.parametrize("positive", [-1.0, -1.5, -100.0])
def test_at_and_below_minus_alpha_the_adaptive_negative_is_the_hardest(positive: float) -> None:
    assert adaptive(CANDIDATES, SCORES, torch.full((3,), positive)).tolist() == [3, 4, 8]


def test_without_beta_the_adaptive_negative_has_a_score_of_zero() -> None:
    assert adaptive(CANDIDATES, SCORES, torch.zeros(3), beta=0.0).tolist() == [7, 4, 5]


def by_hand(scores: Tensor, positive: Tensor, seed: int) -> tuple[list[int], list[float]]:
    """The best of explicitly mixed vectors of one dimension, for a user whose vector is 1."""
    alpha = 1 - torch.rand(scores.shape, generator=seeded(seed))
    vectors = alpha * positive.unsqueeze(1) + (1 - alpha) * scores
    best = vectors.argmax(dim=1)
    return best.tolist(), (1 - alpha)[torch.arange(len(best)), best].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_mixed_negative_is_the_hardest_of_the_mixed_vectors(seed: int) -> None:
    generator = seeded(100 + seed)
    scores, positive = torch.randn(50, 6, generator=generator), torch.randn(50, generator=generator)
    items, share = mixed(torch.arange(6).expand(50, 6), scores, positive, seeded(seed))
    expected, shares = by_hand(scores, positive, seed)
    assert items.tolist() == expected and share.tolist() == pytest.approx(shares)
    assert len({*items.tolist()}) > 1 and not torch.equal(items, hardest(torch.arange(6).expand(50, 6), scores))


def test_shares_are_uniform_for_a_single_candidate() -> None:
    _, share = mixed(torch.zeros(4000, 1, dtype=torch.int64), torch.zeros(4000, 1), torch.ones(4000), seeded())
    assert float(share.min()) >= 0 and float(share.max()) < 1
    assert [float((share < q).double().mean()) for q in (0.25, 0.5, 0.75)] == pytest.approx([0.25, 0.5, 0.75], abs=0.04)


def test_mixing_follows_from_the_generator() -> None:
    first, again, other = (mixed(CANDIDATES, SCORES, torch.ones(3), seeded(seed)) for seed in (0, 0, 1))
    assert torch.equal(first[1], again[1]) and not torch.equal(first[1], other[1])
