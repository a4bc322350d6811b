from dataclasses import astuple

import numpy as np
import pytest
import scipy.sparse as sp

from brmrs_graph.evaluation import Estimate, Measurement, estimates, resampled_sums


def test_a_share_of_pairs_is_the_ratio_of_the_sums_not_the_mean_of_ratios() -> None:
    result = Measurement.ratio([1, 0, 3], [1, 4, 5]).estimate()
    assert (result.value, result.count) == (0.4, 10)
    assert result.low < 0.4 < result.high


def test_interval_of_a_mean_is_the_normal_one_for_many_users() -> None:
    values = np.random.default_rng(0).normal(0.3, 1, 4000)
    result = Measurement.ratio(values, np.ones(4000)).estimate(samples=4000)
    error = values.std() / np.sqrt(4000)
    assert result.value == pytest.approx(values.mean())
    assert (result.low, result.high) == pytest.approx(
        (values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.1 * error
    )


def test_pairs_of_one_user_are_drawn_together() -> None:
    # Ten users with 100 equal pairs each: the interval is that of ten observations, not of a thousand.
    hits = np.array([100.0] * 5 + [0.0] * 5)
    result = Measurement.ratio(hits, np.full(10, 100.0)).estimate()
    assert result.low <= 0.3 and result.high >= 0.7


def test_seeds_are_resampled_beside_users() -> None:
    runs = [Measurement.ratio(values, np.ones(30)) for values in (np.ones(30), np.zeros(30))]
    result = Measurement.over_seeds(runs).estimate()
    assert (result.value, result.low, result.high, result.count) == (0.5, 0, 1, 30)


def test_any_function_of_the_sums_can_be_measured() -> None:
    totals = np.random.default_rng(1).random((50, 3))
    result = Measurement((totals,), lambda s: (s[..., 0] - s[..., 1]) / s[..., 2], counted=1).estimate(samples=200)
    a, b, c = totals.sum(axis=0)
    assert result.value == pytest.approx((a - b) / c)
    assert result.low < result.value < result.high and result.count == round(b)


def test_resamples_are_sums_over_as_many_users_and_repeat_with_the_seed() -> None:
    totals = np.stack([np.ones(7), np.arange(7)], axis=1)
    sums = resampled_sums(totals, samples=250)
    assert sums.shape == (250, 2) and (sums[:, 0] == 7).all() and sums[:, 1].std() > 0
    assert (resampled_sums(totals, samples=250) == sums).all()
    assert (resampled_sums(totals, samples=250, seed=1) != sums).any()


def test_resamples_of_equal_numbers_of_users_are_paired() -> None:
    x = np.random.default_rng(2).random((40, 1))
    assert np.allclose(resampled_sums(x + 1, samples=120) - resampled_sums(x, samples=120), 40)


def test_nothing_to_measure_is_no_number() -> None:
    for users in (4, 0):
        result = Measurement.ratio(np.zeros(users), np.zeros(users)).estimate()
        assert all(np.isnan([result.value, result.low, result.high])) and result.count == 0
        assert str(result) == "not measured"
    assert str(Estimate(0.25, 0.2, 0.3, 9)) == "0.2500 [0.2000, 0.3000]"


def test_runs_on_different_users_are_not_put_together() -> None:
    with pytest.raises(ValueError, match="3 and 4 users"):
        Measurement.over_seeds([Measurement.ratio(np.ones(n), np.ones(n)) for n in (4, 3)])


def test_differences_are_paired_over_users() -> None:
    values = np.random.default_rng(3).normal(0, 5, 60)
    first, second = (Measurement.ratio(x, np.ones(60)) for x in (values + 0.5, values))
    difference = first.minus(second)
    assert (difference.value, difference.low, difference.high) == pytest.approx((0.5, 0.5, 0.5))
    assert first.estimate().high - first.estimate().low > 1
    # Also where one of them has more seeds, as long as these agree.
    difference = first.minus(Measurement.over_seeds([second, second, second]))
    assert (difference.low, difference.high) == pytest.approx((0.5, 0.5))
    with pytest.raises(ValueError, match="60 and 4 users"):
        first.minus(Measurement.ratio(np.ones(4), np.ones(4)))


def test_seeds_of_two_models_are_drawn_each_for_itself() -> None:
    means = np.random.default_rng(7).normal(size=12)
    runs = [Measurement.ratio(np.full(60, mean), np.ones(60)) for mean in means]
    first, second = Measurement.over_seeds(runs), Measurement.over_seeds(runs[::-1])
    # Two independent means of twelve seeds each, whatever the order in which the seeds are listed.
    error = means.std(ddof=1) * np.sqrt(2 / 12)
    for other in (first, second):
        difference = first.minus(other, samples=4000)
        assert difference.value == pytest.approx(0)
        assert (-difference.low / error, difference.high / error) == pytest.approx((1.96, 1.96), rel=0.06)


def test_sparse_sums_are_those_of_dense_ones_and_are_resampled_alike() -> None:
    x = np.random.default_rng(6).random((2, 30, 4)) * (np.random.default_rng(7).random((2, 30, 4)) < 0.3)
    share = Measurement.ratio(np.arange(30), np.ones(30))
    of = [
        Measurement(tuple(make(by_user) for by_user in x), lambda s: s[..., 1] / s[..., 3], counted=3)
        for make in (np.asarray, sp.csr_array)
    ]
    dense, sparse = (
        estimates({"share": Measurement.over_seeds([share, share]), "x": one, "again": one}, samples=150) for one in of
    )
    for name in dense:
        assert astuple(sparse[name]) == pytest.approx(astuple(dense[name]))
    with pytest.raises(ValueError, match="1 and 2 seeds"):
        estimates({"share": share, "x": of[0]})


def test_many_measurements_at_once_are_those_of_each() -> None:
    x = np.random.default_rng(4).random((4, 25))
    share = Measurement.ratio(x[0], x[1])
    other = Measurement((x.T,), lambda s: s[..., 2] - s[..., 3], counted=0)
    both = estimates({"share": share, "other": other}, samples=150, seed=3)
    assert list(both) == ["share", "other"]
    for name, one in (("share", share), ("other", other)):
        assert astuple(both[name]) == pytest.approx(astuple(one.estimate(samples=150, seed=3)))
