import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.branches import FUSED
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.evaluation import rank, recall
from brmrs_graph.models import create_model
from experiments.comparison.held_out import TestPairs, found_pairs, pack, unpack


@given(st.lists(st.booleans(), max_size=100))
def test_packed_truth_values_come_back(values: list[bool]) -> None:
    found = np.array(values, dtype=bool)
    assert unpack(pack(found), len(values)).tolist() == values


def test_test_pairs_come_back(toy: MultimodalDataset) -> None:
    pairs = TestPairs.of(toy)
    back = TestPairs.from_json(pairs.to_json())
    assert back.count.tolist() == pairs.count.tolist()
    assert back.degree.tolist() == pairs.degree.tolist()


def test_degrees_are_those_of_the_items_of_the_pairs(toy: MultimodalDataset) -> None:
    pairs = TestPairs.of(toy)
    train, test = toy.train.toarray() != 0, toy.test.toarray() != 0
    items = test.nonzero()[1]
    assert pairs.degree.tolist() == train.sum(axis=0)[items].tolist()
    assert pairs.count.tolist() == [n for n in test.sum(axis=1).tolist() if n]


@pytest.mark.parametrize("k", [1, 3])
def test_recall_of_found_pairs_is_that_of_the_ranking(toy: MultimodalDataset, k: int) -> None:
    ranking = rank(create_model("bprmf", toy, seed=1)(), toy.train, toy.test, k=k)[FUSED]
    values = TestPairs.of(toy).recall(found_pairs(ranking, toy))
    assert values == pytest.approx(recall(ranking, k).numpy())
    assert 0 < values.mean() < 1


def test_recall_among_some_pairs_is_over_the_users_who_have_such_pairs() -> None:
    pairs = TestPairs(np.array([2, 1, 3]), np.array([1, 5, 5, 1, 1, 5]))
    found = np.array([True, False, True, False, True, False])
    assert pairs.recall(found, pairs.degree == 1).tolist() == [1.0, 0.5]
    assert pairs.recall(found).tolist() == pytest.approx([1 / 2, 1.0, 1 / 3])
