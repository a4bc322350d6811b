import torch

from brmrs_graph.sampling import hardest


def test_takes_the_candidate_of_the_highest_score_in_every_row():
    candidates = torch.tensor([[7, 3, 9], [4, 4, 0], [5, 6, 8]])
    scores = torch.tensor([[0.1, 0.5, -1.0], [-3.0, -2.0, -2.5], [1.0, 2.0, 3.0]])
    assert hardest(candidates, scores).tolist() == [3, 4, 8]


def test_a_single_candidate_is_always_taken():
    assert hardest(torch.tensor([[2], [0]]), torch.tensor([[-1.0], [5.0]])).tolist() == [2, 0]
