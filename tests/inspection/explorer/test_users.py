from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.held_out import held_out_pairs
from brmrs_graph.evaluation import rank
from brmrs_graph.inspection.explorer.places import held_out_places
from brmrs_graph.inspection.explorer.users import some_users, user_blocks

from .decoding import lines_of, numbers_of, rows_of


@given(st.integers(0, 60), st.integers(0, 70), st.data())
def test_some_users_are_those_given_and_others_up_to_the_limit(count: int, limit: int, draw: st.DataObject) -> None:
    first = np.array(sorted(draw.draw(st.sets(st.integers(0, count - 1)))) if count else [], dtype=np.int64)
    chosen = some_users(first, count, limit)
    assert set(first) <= set(chosen) and len(set(chosen)) == len(chosen)
    assert len(chosen) == max(min(limit, count), len(first)) and (np.diff(chosen) > 0).all()
    assert not len(chosen) or 0 <= chosen[0] <= chosen[-1] < count


def test_others_are_taken_at_even_distances() -> None:
    assert some_users(np.array([4]), 9, 4).tolist() == [0, 3, 4, 8]


def test_blocks_of_some_users_hold_theirs_alone(data: MultimodalDataset, branches: Branches) -> None:
    pairs = held_out_pairs(data)
    places = held_out_places(branches, data, pairs, branches.names)
    rows = np.array([1, 3])
    users = pairs.everyone.numpy()[rows]
    named = replace(data, user_ids=[f"user\u202e {user}" for user in range(data.num_users)])
    blocks = user_blocks(branches, named, pairs, places, rows, branches.names, 5)
    assert lines_of(blocks["users/ids"]) == [f"user {user}" for user in users]
    test = data.test.toarray()[users]
    assert rows_of(blocks["users/test/degree"], blocks["users/test/items"]) == [
        np.flatnonzero(row).tolist() for row in test
    ]
    found = numbers_of(blocks["users/places"]).reshape(len(branches.names), -1)
    assert found.shape[1] == test.sum()
    for name, shown in zip(branches.names, found, strict=True):
        ranking = rank(branches, data.train, data.test, data.num_items, [name])[name]
        order = ranking.items[np.isin(ranking.users, users)].tolist()
        expected = [row.index(item) + 1 for row, own in zip(order, test, strict=True) for item in np.flatnonzero(own)]
        assert shown.tolist() == expected


def test_where_too_few_items_are_left_the_rest_has_no_score(data: MultimodalDataset, branches: Branches) -> None:
    pairs = held_out_pairs(data)
    rows = np.array([0, 2])
    blocks = user_blocks(branches, data, pairs, held_out_places(branches, data, pairs, ["fused"]), rows, ["fused"], 40)
    top = numbers_of(blocks["users/fused/top"]).reshape(2, 40)
    scores = numbers_of(blocks["users/fused/scores"]).reshape(2, 40)
    for user, items, shown in zip(pairs.everyone.numpy()[rows], top, scores, strict=True):
        taken = data.train[[user]].toarray()[0, items] > 0
        assert taken.any() and (np.isnan(shown) == taken).all()
