import torch

from brmrs_graph.branches import Branches, PairScores
from brmrs_graph.nn import ConcatFusion
from brmrs_graph.sampling.ragged import Ragged


def test_lists_are_joined_and_filtered_segment_by_segment() -> None:
    first = Ragged(torch.tensor([1, 2, 3]), {"a": torch.tensor([0.1, 0.2, 0.3])}, torch.tensor([0, 2, 2, 3]))
    second = Ragged(torch.tensor([7, 8, 9]), {"a": torch.tensor([0.7, 0.8, 0.9])}, torch.tensor([0, 0, 2, 3]))
    joined = first.join(second)
    assert joined.items.tolist() == [1, 2, 7, 8, 3, 9]
    assert joined.segment.tolist() == [0, 0, 1, 1, 2, 2]
    torch.testing.assert_close(joined.scores["a"] * 10, joined.items.float())
    odd = joined.filter(joined.items % 2 == 1)
    assert odd.items.tolist() == [1, 7, 3, 9] and odd.ptr.tolist() == [0, 1, 2, 4]
    torch.testing.assert_close(odd.scores["a"] * 10, odd.items.float())


def test_the_first_of_a_pool_keep_their_scores() -> None:
    x = {"visual": torch.tensor([[1.0], [2.0], [3.0]]), "textual": torch.tensor([[-1.0], [0.0], [5.0]])}
    users = dict.fromkeys(x, torch.tensor([[1.0], [2.0]]))
    branches = Branches(users, x, ("visual", "textual"), ConcatFusion())
    pool = PairScores(branches, torch.tensor([1, 0]), torch.tensor([[2, 1, 0], [0, 0, 2]]))
    candidates = Ragged.of_pool(pool, ("textual",), 2)
    assert candidates.items.tolist() == [2, 1, 0, 0] and candidates.ptr.tolist() == [0, 2, 4]
    assert candidates.scores.keys() == {"textual"}
    assert candidates.scores["textual"].tolist() == [10.0, 0.0, -1.0, -1.0]
