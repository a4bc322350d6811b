import warnings

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from brmrs_graph.diagnosis import MarginSample, utilisation
from brmrs_graph.evaluation import Measurement

Floats = NDArray[np.float64]
USERS, TRIPLES = 4000, 10

# Gauss-Hermite quadrature of expectations over N(0, 1).
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def sample_of(**margins: Floats) -> MarginSample:
    tensors = {name: torch.from_numpy(x.astype(np.float32)) for name, x in margins.items()}
    users = torch.arange(len(next(iter(margins.values()))))
    return MarginSample(users, users, tensors, tuple(name for name in margins if name not in ("fused", "id")))


def swapped(seed: int, log_odds: Floats, *parts: Floats) -> list[Floats]:
    """Margins as they are seen where Y = 1, for parts whose log-odds of Y = 1 are given."""
    right = np.random.default_rng(seed).random(log_odds.shape) < sigmoid(log_odds)
    return [np.where(right, x, -x) for x in parts]


def normal(*seeds: int) -> list[Floats]:
    return [np.random.default_rng(seed).normal(size=(USERS, TRIPLES)) for seed in seeds]


def sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


def bits(p: Floats) -> Floats:
    """1 - H(p)."""
    p = p.clip(1e-15, 1 - 1e-15)
    return 1 + p * np.log2(p) + (1 - p) * np.log2(1 - p)


def informations(result: Measurement) -> tuple[float, float]:
    fused, single, count = result.totals[0].sum(axis=0)
    return 1 - fused / count, 1 - single / count


def test_information_is_that_of_numerical_integration_and_a_sum_uses_all_of_it() -> None:
    a, b = normal(0, 1)
    a, b = swapped(2, 1.5 * a + b, a, b)
    result = utilisation(sample_of(a=a, b=b, fused=1.5 * a + b))
    exact = WEIGHTS @ bits(sigmoid(np.sqrt(1.5**2 + 1) * NODES))  # the log-odds are N(0, 3.25)
    assert informations(result) == pytest.approx((exact, exact), abs=0.006)
    estimate = result.estimate(samples=200)
    assert estimate.value == pytest.approx(1, abs=0.003) and estimate.count == USERS * TRIPLES
    assert estimate.low < estimate.value < estimate.high < 1.01


def test_a_fused_score_of_one_modality_uses_its_share() -> None:
    a, b = normal(0, 1)
    a, b = swapped(2, 2 * a + b, a, b)
    result = utilisation(sample_of(a=a, b=b, fused=a)).estimate(samples=20)
    p = sigmoid(2 * NODES[:, None] + NODES) @ WEIGHTS  # of Y = 1 given the first alone
    both = WEIGHTS @ bits(sigmoid(np.sqrt(5) * NODES))
    assert result.value == pytest.approx(WEIGHTS @ bits(p) / both, abs=0.02)


def test_a_fused_score_of_noise_uses_nothing() -> None:
    a, b, noise = normal(0, 1, 2)
    a, b = swapped(3, a + b, a, b)
    assert utilisation(sample_of(a=a, b=b, fused=noise)).estimate(samples=20).value == pytest.approx(0, abs=0.003)


def test_knowledge_from_outside_gives_more_than_one() -> None:
    a, b, outside = normal(0, 1, 2)
    a, b, outside = swapped(3, a + b + 2 * outside, a, b, outside)
    sample = sample_of(a=a, b=b, id=outside, fused=a + b + 2 * outside)
    result = utilisation(sample).estimate(samples=20)
    p = sigmoid(np.sqrt(2) * NODES[:, None] + 2 * NODES) @ WEIGHTS
    exact = (WEIGHTS @ bits(sigmoid(np.sqrt(6) * NODES))) / (WEIGHTS @ bits(p))
    assert exact > 2
    assert result.value == pytest.approx(exact, rel=0.05)


def test_interactions_of_the_margins_count() -> None:
    # The second margin says only how far to trust the first.
    a, b = normal(0, 1)
    log_odds = 2 * a * np.abs(b)
    a, b, fused = swapped(2, log_odds, a, b, log_odds)
    exact = WEIGHTS @ bits(sigmoid(2 * NODES[:, None] * np.abs(NODES))) @ WEIGHTS
    assert informations(utilisation(sample_of(a=a, b=b, fused=fused)))[1] == pytest.approx(exact, abs=0.015)


def test_rare_large_margins_do_not_turn_the_fit_over() -> None:
    # Most margins say more the larger they are, but with diminishing returns; a few are very large, and right.
    rng = np.random.default_rng(0)
    a, b = rng.standard_t(2.1, size=(2, USERS, TRIPLES))
    log_odds = 4 * np.tanh(a)
    a, b = swapped(2, log_odds, a, b)
    single = informations(utilisation(sample_of(a=a, b=b, fused=a)))[1]
    assert single == pytest.approx(bits(sigmoid(log_odds)).mean(), abs=0.02)


def test_any_number_of_modalities() -> None:
    parts = normal(0, 1, 2)
    parts = swapped(3, sum(parts, np.zeros(1)), *parts)
    a, b, c = parts
    result = utilisation(sample_of(a=a, b=b, c=c, fused=a + b + c))
    exact = WEIGHTS @ bits(sigmoid(np.sqrt(3) * NODES))
    assert informations(result) == pytest.approx((exact, exact), abs=0.006)


def test_users_are_predicted_by_other_users() -> None:
    # With as many columns as users there is nothing but chance to learn: in-sample losses would be below one bit.
    rng = np.random.default_rng(0)
    margins = {name: np.repeat(rng.normal(size=(12, 1)), 5, axis=1) for name in ("a", "b", "c", "fused")}
    result = utilisation(sample_of(**margins), folds=4)
    assert informations(result)[1] < 0
    assert np.isnan(result.estimate(samples=20).value)


def test_margins_that_never_err_and_long_tails_are_no_trouble() -> None:
    rng = np.random.default_rng(0)
    sure, wild = np.abs(rng.normal(size=(300, 5))), rng.standard_cauchy((300, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = utilisation(sample_of(a=sure, b=wild, fused=sure))
        zeros = utilisation(sample_of(a=sure, b=0 * sure, fused=0 * sure))
    assert informations(result) == pytest.approx((1, 1), abs=0.05)
    assert informations(zeros)[0] == 0 and informations(zeros)[1] == pytest.approx(1, abs=0.02)


def test_the_order_of_items_and_the_scale_of_scores_do_not_matter() -> None:
    a, b = (x[:200] for x in normal(0, 1))
    a, b = swapped(2, a + b, a, b)
    expected = utilisation(sample_of(a=a, b=b, fused=a + b)).totals[0]
    assert utilisation(sample_of(a=50 * a, b=b / 50, fused=7 * (a + b))).totals[0] == pytest.approx(expected, rel=1e-4)


def test_runs_are_put_together() -> None:
    a, b = (x[:200] for x in normal(0, 1))
    a, b = swapped(2, a + b, a, b)
    runs = [utilisation(sample_of(a=a, b=b, fused=x)) for x in (a + b, a)]
    ratios = [run.estimate(samples=5).value for run in runs]
    assert min(ratios) < Measurement.over_seeds(runs).estimate(samples=5).value < max(ratios)
    assert (utilisation(sample_of(a=a, b=b, fused=a)).totals[0] == runs[1].totals[0]).all()


def test_without_triples_nothing_is_measured() -> None:
    empty = torch.empty(0, 5)
    sample = MarginSample(
        torch.arange(3), torch.empty(0, dtype=torch.int64), {"a": empty, "b": empty, "fused": empty}, ("a", "b")
    )
    assert str(utilisation(sample).estimate(samples=5)) == "not measured"


def test_a_model_without_modalities_has_nothing_to_use() -> None:
    with pytest.raises(ValueError, match="no unimodal branches"):
        utilisation(sample_of(fused=np.ones((3, 2))))
