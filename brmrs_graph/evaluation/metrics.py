"""Recall@K and NDCG@K of every user.

``torch_geometric.metrics`` has the same two as averages (the tests compare them); the values by user are needed for
paired tests and for the diagnosis.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from brmrs_graph.evaluation.ranking import Ranking


def recall(ranking: Ranking, k: int) -> Tensor:
    """Hits among the first k over the number of held-out items, by user, float64, shape [n].

    A ranking of K items knows hits up to K; ask for k <= K (fewer only where the catalogue itself is smaller).
    """
    return ranking.hits[:, :k].sum(dim=1) / ranking.num_relevant.double()


def ndcg(ranking: Ranking, k: int) -> Tensor:
    r"""Binary NDCG@k by user, float64, shape [n].

    :math:`\sum_{r \le k} [hit_r] / \log_2(r + 1)` over its best value, that of :math:`\min(|T_u|, k)` hits.
    """
    discount = 1 / torch.log2(torch.arange(2, k + 2, dtype=torch.float64))
    width = min(k, ranking.hits.size(1))
    gain = (ranking.hits[:, :width] * discount[:width]).sum(dim=1)
    ideal = discount.cumsum(0)[ranking.num_relevant.clamp(max=k) - 1]
    return gain / ideal


def summarize(ranking: Ranking, ks: Sequence[int] = (10, 20)) -> dict[str, float]:
    """The metrics averaged over users with held-out items, unrounded: ``recall@10``, ``ndcg@10`` and so on."""
    means = {}
    for k in ks:
        means[f"recall@{k}"] = float(recall(ranking, k).mean()) if ranking.users.numel() else float("nan")
        means[f"ndcg@{k}"] = float(ndcg(ranking, k).mean()) if ranking.users.numel() else float("nan")
    return means
