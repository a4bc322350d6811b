import math

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch_geometric.metrics import LinkPredNDCG, LinkPredRecall

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.evaluation import Ranking, ndcg, rank, recall, summarize


def random_ranking(seed: int, k: int) -> tuple[Ranking, list[set[int]]]:
    """The ranking of random scores, and what is held out for each of its users."""
    rng = np.random.default_rng(seed)
    scores = torch.from_numpy(rng.normal(size=(40, 30)).astype(np.float32))
    kind = rng.choice(3, (40, 30), p=[0.7, 0.1, 0.2])
    kind[:5] = 0
    held_out = sp.csr_matrix(kind == 2, dtype=np.float32)
    seen = sp.csr_matrix(kind == 1, dtype=np.float32)
    ranking = rank(Branches({FUSED: scores}, {FUSED: torch.eye(30)}), seen, held_out, k)[FUSED]
    return ranking, [set(held_out[int(user)].indices.tolist()) for user in ranking.users]


@pytest.mark.parametrize("k", [1, 3, 10, 20])
@pytest.mark.parametrize("seed", range(3))
def test_equal_the_metrics_of_pytorch_geometric(seed: int, k: int) -> None:
    ranking, wanted = random_ranking(seed, 20)
    label = torch.tensor([(row, item) for row, items in enumerate(wanted) for item in items]).t()
    for metric, values in ((LinkPredRecall(k), recall(ranking, k)), (LinkPredNDCG(k), ndcg(ranking, k))):
        metric.update(ranking.items[:, :k], label)
        assert float(values.mean()) == pytest.approx(float(metric.compute()), abs=1e-6)


@pytest.mark.parametrize("k", [1, 5, 20, 50])
def test_equal_plain_python_user_by_user(k: int) -> None:
    ranking, wanted = random_ranking(0, 50)
    for row, (items, relevant) in enumerate(zip(ranking.items.tolist(), wanted, strict=True)):
        hits = [item in relevant for item in items[:k]]
        gain = sum(hit / math.log2(place + 2) for place, hit in enumerate(hits))
        ideal = sum(1 / math.log2(place + 2) for place in range(min(len(relevant), k)))
        assert float(recall(ranking, k)[row]) == pytest.approx(sum(hits) / len(relevant), abs=1e-12)
        assert float(ndcg(ranking, k)[row]) == pytest.approx(gain / ideal, abs=1e-12)


def test_summary_holds_the_unrounded_means_over_users_with_held_out_items() -> None:
    ranking, wanted = random_ranking(1, 20)
    assert len(wanted) == ranking.users.numel() < 40
    assert summarize(ranking, ks=(5, 20)) == {
        "recall@5": float(recall(ranking, 5).mean()),
        "ndcg@5": float(ndcg(ranking, 5).mean()),
        "recall@20": float(recall(ranking, 20).mean()),
        "ndcg@20": float(ndcg(ranking, 20).mean()),
    }


def test_summary_of_no_users_is_not_a_number() -> None:
    empty = torch.empty(0, 5)
    ranking = Ranking(empty[:, 0].long(), empty.long(), empty.bool(), empty[:, 0].long())
    assert all(math.isnan(value) for value in summarize(ranking).values())
