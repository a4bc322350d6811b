import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from brmrs_graph.data.splits import TEST, TRAIN, VALID, held_out_counts, split_labels


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
