import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from brmrs_graph.data.splits import (
    TEST,
    TRAIN,
    VALID,
    Cold,
    cold,
    held_out_counts,
    split_labels,
    split_labels_by_cutoff,
    split_labels_by_time,
)
from brmrs_graph.errors import DataError


def published_counts(n: int) -> tuple[int, int]:
    """The rule as it is published, for one user with at least three pairs."""
    if n < 10:
        return 1, 1
    held = int(0.2 * n)
    return held // 2, held - held // 2


def published_split(users: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int8]:
    """The plain loop over users that the vectorised split stands for."""
    keys = rng.random(len(users))
    labels = np.zeros(len(users), dtype=np.int8)
    for user in np.unique(users):
        pairs = np.flatnonzero(users == user)
        if len(pairs) < 3:
            continue
        shuffled = pairs[np.argsort(keys[pairs], kind="stable")]
        valid, test = published_counts(len(pairs))
        labels[shuffled[:valid]] = VALID
        labels[shuffled[valid : valid + test]] = TEST
    return labels


def test_counts_follow_the_published_rule_for_every_length() -> None:
    lengths = np.arange(3, 20_000)
    expected = np.array([published_counts(int(n)) for n in lengths]).T
    np.testing.assert_array_equal(held_out_counts(lengths), expected)


@given(npst.arrays(np.int64, st.integers(0, 150), elements=st.integers(0, 12)), st.integers(0, 2**32))
def test_equals_a_plain_loop_over_users(users: NDArray[np.int64], seed: int) -> None:
    labels = split_labels(users, np.random.default_rng(seed))
    assert labels.dtype == np.int8
    np.testing.assert_array_equal(labels, published_split(users, np.random.default_rng(seed)))


@given(npst.arrays(np.int64, st.integers(1, 150), elements=st.integers(-5, 10**12)), st.integers(0, 2**32))
def test_every_user_keeps_a_training_pair(users: NDArray[np.int64], seed: int) -> None:
    labels = split_labels(users, np.random.default_rng(seed))
    assert set(users[labels == TRAIN]) == set(users)


def test_every_pair_of_a_user_is_equally_likely_to_be_held_out() -> None:
    users = np.repeat(np.arange(4000), 10)
    labels = split_labels(users, np.random.default_rng(0)).reshape(4000, 10)
    for held in (VALID, TEST):
        assert np.abs((labels == held).mean(axis=0) - 0.1).max() < 0.025


def test_no_pairs_and_wrong_shapes() -> None:
    rng = np.random.default_rng(0)
    assert split_labels(np.empty(0, dtype=np.int64), rng).shape == (0,)
    with pytest.raises(ValueError, match="one-dimensional"):
        split_labels(np.zeros((2, 2), dtype=np.int64), rng)


# --- by time


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 20)), max_size=120), st.integers(0, 2**32))
def test_by_time_holds_out_as_many_and_the_latest(rows: list[tuple[int, int]], seed: int) -> None:
    users, times = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    labels = split_labels_by_time(users, times.astype(np.float64), np.random.default_rng(seed))
    by_chance = split_labels(users, np.random.default_rng(seed))
    for user in set(users):
        mine = users == user
        for label in (TRAIN, VALID, TEST):
            assert (labels[mine] == label).sum() == (by_chance[mine] == label).sum()
        for earlier, later in ((TRAIN, VALID), (VALID, TEST)):
            before, after = times[mine & (labels == earlier)], times[mine & (labels == later)]
            assert not len(after) or before.max() <= after.min()


def test_by_time_without_ties_needs_no_chance() -> None:
    times = np.random.default_rng(5).permutation(200).astype(np.float64)
    users = np.random.default_rng(6).integers(0, 9, 200)
    expected = np.zeros(200, dtype=np.int8)
    for user in range(9):
        pairs = sorted(np.flatnonzero(users == user), key=lambda pair: times[pair])
        valid, test = published_counts(len(pairs))
        expected[pairs[len(pairs) - test :]] = TEST
        expected[pairs[len(pairs) - test - valid : len(pairs) - test]] = VALID
    for seed in range(3):
        np.testing.assert_array_equal(split_labels_by_time(users, times, np.random.default_rng(seed)), expected)


def test_pairs_of_one_day_are_drawn() -> None:
    users, times = np.repeat(np.arange(4000), 4), np.tile([1.0, 2.0, 2.0, 2.0], 4000)
    labels = split_labels_by_time(users, times, np.random.default_rng(0)).reshape(4000, 4)
    assert (labels[:, 0] == TRAIN).all()
    for held in (VALID, TEST):
        assert np.abs((labels[:, 1:] == held).mean(axis=0) - 1 / 3).max() < 0.04
    again = split_labels_by_time(users, times, np.random.default_rng(0)).reshape(4000, 4)
    np.testing.assert_array_equal(again, labels)


@given(
    st.lists(st.integers(0, 12), min_size=3, max_size=80).filter(lambda times: len(set(times)) >= 3),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
)
def test_cutoffs_are_the_closest_that_keep_times_together(times: list[int], valid: float, test: float) -> None:
    moments = np.array(times, dtype=np.float64)
    labels, (first_valid, first_test) = split_labels_by_cutoff(moments, valid, test)
    np.testing.assert_array_equal(labels, np.where(moments >= first_test, 2, np.where(moments >= first_valid, 1, 0)))
    assert set(labels) == {TRAIN, VALID, TEST}
    apart = sorted(set(times))
    miss = {cut: abs((moments < cut).mean() - (1 - valid - test)) for cut in apart[1:-1]}
    assert miss[first_valid] == pytest.approx(min(miss.values()))
    miss = {cut: abs((moments < cut).mean() - (1 - test)) for cut in apart if cut > first_valid}
    assert miss[first_test] == pytest.approx(min(miss.values()))


def test_cutoffs_give_the_shares_where_times_differ() -> None:
    labels, cutoffs = split_labels_by_cutoff(np.random.default_rng(0).permutation(1000).astype(np.float64), 0.15, 0.05)
    assert np.bincount(labels).tolist() == [800, 150, 50] and cutoffs == (800.0, 950.0)


def test_cold_users_and_items_are_counted() -> None:
    users = np.array([0, 0, 1, 1, 2, 2, 2])
    items = np.array([0, 1, 0, 3, 3, 0, 4])
    labels = np.array([TRAIN, TRAIN, TRAIN, TEST, VALID, TEST, TEST])
    assert cold(users, items, labels) == Cold(users=1, items=2, pairs_of_users=3, pairs_of_items=3, held_out=4)
    empty = np.empty(0, dtype=np.int64)
    assert cold(empty, empty, empty) == Cold(0, 0, 0, 0, 0)


def test_times_that_cannot_be_split() -> None:
    users, rng = np.zeros(3, dtype=np.int64), np.random.default_rng(0)
    unknown = np.array([1.0, np.nan, 3.0])
    with pytest.raises(DataError, match=r"1 of 3 interactions have no time \(the first is number 2\); split at random"):
        split_labels_by_time(users, unknown, rng)
    with pytest.raises(DataError, match="no time"):
        split_labels_by_cutoff(unknown)
    with pytest.raises(DataError, match="2 different times"):
        split_labels_by_cutoff(np.array([1.0, 2.0, 2.0]))
    with pytest.raises(DataError, match="0 different times"):
        split_labels_by_cutoff(np.empty(0))
    with pytest.raises(ValueError, match="leave nothing"):
        split_labels_by_cutoff(np.arange(9.0), 0.5, 0.5)
    with pytest.raises(ValueError, match="equally long"):
        split_labels_by_time(users, np.zeros(2), rng)
    assert split_labels_by_time(users[:0], np.empty(0), rng).shape == (0,)
