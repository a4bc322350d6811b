import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.sampling import PairSet

pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), max_size=25)


@settings(deadline=None)
@given(pairs)
def test_answers_as_a_python_set_of_pairs_does(members):
    edge_index = torch.tensor(members, dtype=torch.int64).reshape(-1, 2).t()
    contained = PairSet(edge_index, 5).contains(torch.arange(7).unsqueeze(1), torch.arange(5))
    assert contained.dtype == torch.bool
    assert contained.tolist() == [[(i, j) in set(members) for j in range(5)] for i in range(7)]


def test_ids_whose_key_exceeds_32_bits_are_told_apart():
    n = 100_000
    seen = PairSet(torch.tensor([[n - 1, 0], [n - 1, 1]]), n)
    rows, cols = torch.tensor([n - 1, n - 1, 0, 0]), torch.tensor([n - 1, n - 2, 1, 0])
    assert seen.contains(rows, cols).tolist() == [True, False, True, False]


def test_no_question_gives_no_answer():
    empty = torch.empty(0, dtype=torch.int64)
    assert PairSet(torch.tensor([[1], [2]]), 3).contains(empty, empty).shape == (0,)


def test_moves_in_place():
    seen = PairSet(torch.tensor([[1], [2]]), 3)
    assert seen.to("cpu") is seen
    assert bool(seen.contains(torch.tensor(1), torch.tensor(2)))
