import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from brmrs_graph.data.filters import Filters, Step, describe, first_of_each, k_core
from brmrs_graph.errors import ConfigError, DataError

Pairs = list[tuple[int, int]]
PAIRS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 9)), max_size=60)


def columns(pairs: Pairs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def naive_core(pairs: set[tuple[int, int]], k: int) -> set[tuple[int, int]]:
    """Takes one offender away at a time, whichever comes up."""
    left = set(pairs)
    while True:
        for side in (0, 1):
            names = [pair[side] for pair in left]
            rare = {name for name in names if names.count(name) < k}
            if rare:
                left = {pair for pair in left if pair[side] != min(rare)}
                break
        else:
            return left


@given(PAIRS, st.integers(0, 5))
def test_k_core_is_that_of_sets(pairs: Pairs, k: int) -> None:
    unique = sorted(set(pairs))
    kept = k_core(*columns(unique), k)
    assert {pair for pair, keep in zip(unique, kept, strict=True) if keep} == naive_core(set(unique), k)


def test_k_core_iterates() -> None:
    # A path: user 0 - item 0 - user 1 - item 1 - ...; each round frees the next end.
    path = [(i // 2 + i % 2, i // 2) for i in range(40)]
    square = [(50, 50), (50, 51), (51, 50), (51, 51)]
    kept = k_core(*columns(path + square), 2)
    np.testing.assert_array_equal(kept, [False] * 40 + [True] * 4)


@given(PAIRS)
def test_first_of_each_keeps_the_first_row(pairs: Pairs) -> None:
    expected = [pair not in pairs[:row] for row, pair in enumerate(pairs)]
    np.testing.assert_array_equal(first_of_each(*columns(pairs)), expected)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from([np.nan, 1.0, 2.0, 3.0])), max_size=30))
def test_first_of_each_keeps_the_earliest(rows: list[tuple[int, int, float]]) -> None:
    users, items = columns([(user, item) for user, item, _ in rows])
    kept = first_of_each(users, items, np.array([time for *_, time in rows], dtype=np.float64))
    groups: dict[tuple[int, int], list[tuple[float, int]]] = {}
    for row, (user, item, time) in enumerate(rows):
        groups.setdefault((user, item), []).append((np.inf if np.isnan(time) else time, row))
    assert set(np.flatnonzero(kept)) == {min(group)[1] for group in groups.values()}


def test_narrow_codes_do_not_overflow() -> None:
    users, items = np.array([0, 65536, 65536], dtype=np.int32), np.array([0, 0, 65535], dtype=np.int32)
    assert first_of_each(users, items).all()


def test_the_steps_count_what_is_left() -> None:
    # user, item, rating: the low ratings go first, then the repeated pair, then user 3 and item 9.
    rows = [(1, 5, 4.0), (1, 6, 5.0), (2, 5, 3.0), (2, 5, 4.5), (2, 6, 5.0), (2, 6, 4.0), (3, 9, 5.0), (4, 5, np.nan)]
    users, items = columns([(user, item) for user, item, _ in rows])
    ratings = np.array([rating for *_, rating in rows])
    kept, steps = Filters(min_rating=4, core=2).apply(users, items, ratings)
    np.testing.assert_array_equal(kept, [0, 1, 3, 4])
    assert steps == [
        Step("read", users=4, items=3, pairs=8),
        Step("rating >= 4", users=3, items=3, pairs=6),
        Step("first of each pair", users=3, items=3, pairs=5),
        Step("2-core", users=2, items=2, pairs=4),
    ]
    assert steps[0].to_dict() == {"name": "read", "users": 4, "items": 3, "pairs": 8}
    assert [line.split()[-1] for line in describe(steps).splitlines()] == [
        "interactions",
        "8",
        "75.0%",
        "83.3%",
        "80.0%",
    ]


def test_times_decide_which_of_a_pair_stays() -> None:
    users, items = columns([(0, 0), (0, 0), (0, 1)])
    kept, steps = Filters().apply(users, items, times=np.array([20.0, 10.0, 5.0]))
    np.testing.assert_array_equal(kept, [1, 2])
    assert [step.name for step in steps] == ["read", "first of each pair"]


@pytest.mark.parametrize("ratings", [None, np.array([np.nan, np.nan])])
def test_a_threshold_needs_ratings(ratings: NDArray[np.float64] | None) -> None:
    users, items = columns([(0, 0), (0, 1)])
    with pytest.raises(DataError, match="least rating of 4 is asked for"):
        Filters(min_rating=4).apply(users, items, ratings)


def test_a_filter_that_leaves_nothing_says_so() -> None:
    users, items = columns([(0, 0), (0, 1)])
    with pytest.raises(DataError, match="'2-core' leaves none of the 2 interactions of 1 user with 2 items"):
        Filters(core=2).apply(users, items)
    with pytest.raises(DataError, match=r"'rating >= 4\.5' leaves none"):
        Filters(min_rating=4.5).apply(users, items, np.array([4.0, np.nan]))


def test_nonsense_is_refused() -> None:
    with pytest.raises(ConfigError, match="k-core is -1"):
        Filters(core=-1)
    with pytest.raises(ConfigError, match="least rating is nan"):
        Filters(min_rating=float("nan"))
