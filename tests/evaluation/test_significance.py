import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.evaluation import holm, paired_bootstrap, resampled_sums


def test_a_constant_difference_has_no_spread_and_the_smallest_p_value() -> None:
    second = np.random.default_rng(0).random(50)
    result = paired_bootstrap(second + 0.25, second, samples=1000)
    assert (result.mean, result.low, result.high) == pytest.approx((0.25, 0.25, 0.25))
    assert result.p_value == pytest.approx(2 / 1000)


def test_equal_models_do_not_differ() -> None:
    values = np.random.default_rng(0).random((3, 50))
    assert paired_bootstrap(values[0], values[0], samples=500).p_value == 1
    result = paired_bootstrap(values, values, samples=500)
    assert result.mean == 0 and result.low < 0 < result.high


def test_swapping_the_models_mirrors_the_result() -> None:
    first, second = np.random.default_rng(1).normal([[0.1], [0.0]], 0.5, (2, 60))
    there, back = paired_bootstrap(first, second), paired_bootstrap(second, first)
    assert (back.mean, back.low, back.high) == pytest.approx((-there.mean, -there.high, -there.low))
    assert back.p_value == there.p_value


def test_interval_is_the_normal_one_for_many_users() -> None:
    difference = np.random.default_rng(2).normal(0.3, 1, 4000)
    result = paired_bootstrap(difference, np.zeros(4000), samples=4000)
    error = difference.std() / np.sqrt(4000)
    assert result.mean == pytest.approx(difference.mean())
    assert (result.low, result.high) == pytest.approx(
        (difference.mean() - 1.96 * error, difference.mean() + 1.96 * error), abs=0.1 * error
    )


def test_seeds_are_resampled_beside_users() -> None:
    # One run of two has 1 everywhere, and a resample draws one of the two: its mean is 0 or 1.
    result = paired_bootstrap(np.stack([np.ones(30), np.zeros(30)]), np.zeros(30))
    assert (result.mean, result.low, result.high) == pytest.approx((0.5, 0, 1))
    assert result.p_value == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("num_seeds", [2, 3, 5])
def test_the_spread_over_seeds_is_that_of_their_mean(num_seeds: int) -> None:
    # Where users are alike, the variance over resamples is s² / S, with the unbiased s² of the runs.
    means = np.random.default_rng(num_seeds).normal(size=num_seeds)
    sums = resampled_sums(np.repeat(means, 10).reshape(num_seeds, 10, 1), samples=20_000)[:, 0] / 10
    assert sums.mean() == pytest.approx(means.mean(), abs=0.02)
    assert sums.var() == pytest.approx(means.var(ddof=1) / num_seeds, rel=0.05)


def test_a_paired_difference_spreads_as_the_means_over_seeds_of_both_do() -> None:
    first, second = np.random.default_rng(5).normal(size=(2, 12))
    result = paired_bootstrap(np.repeat(first[:, None], 5, 1), np.repeat(second[:, None], 5, 1))
    error = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 12)
    ends = result.low - result.mean, result.high - result.mean
    assert ends == pytest.approx((-1.96 * error, 1.96 * error), rel=0.08)


def test_without_users_there_is_no_difference_to_tell() -> None:
    result = paired_bootstrap(np.zeros((2, 0)), np.zeros(0))
    assert np.isnan([result.mean, result.low, result.high, result.p_value]).all()


def test_same_seed_same_result() -> None:
    first, second = np.random.default_rng(3).random((2, 20))
    assert paired_bootstrap(first, second, seed=4) == paired_bootstrap(first, second, seed=4)
    assert paired_bootstrap(first, second, seed=4) != paired_bootstrap(first, second, seed=5)


def test_interval_covers_no_difference_about_as_often_as_it_claims() -> None:
    rng = np.random.default_rng(4)
    results = [paired_bootstrap(*rng.normal(size=(2, 60)), samples=400, seed=i) for i in range(300)]
    covered = np.mean([result.low <= 0 <= result.high for result in results])
    rejected = np.mean([result.p_value < 0.05 for result in results])
    assert 0.90 < covered < 0.985
    assert 0.015 < rejected < 0.10


def test_different_users_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="5 and 6 users"):
        paired_bootstrap(np.zeros(5), np.zeros(6))


def test_holm_by_hand() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}
    )
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_the_step_down_rule_rejects(values: list[float]) -> None:
    adjusted = holm(dict(enumerate(values)))
    for level in (0.01, 0.05, 0.5):
        rejected: set[int] = set()
        for step, number in enumerate(sorted(range(len(values)), key=lambda number: values[number])):
            if min(1.0, (len(values) - step) * values[number]) > level:
                break
            rejected.add(number)
        assert {number for number, p in adjusted.items() if p <= level} == rejected
