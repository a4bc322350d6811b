"""Full ranking on several ranks: each ranks its own users over the items of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from brmrs_graph.blas import dot_products
from brmrs_graph.branches import FUSED
from brmrs_graph.distributed.branches import ShardedBranches
from brmrs_graph.distributed.ranks import Ranks
from brmrs_graph.evaluation import Ranking, ndcg, recall
from brmrs_graph.evaluation.ranking import check_finite, judged
from brmrs_graph.topk import leave_out, merge_best, top_items


@torch.no_grad()
def rank_on_ranks(
    branches: ShardedBranches, held_out: sp.csr_matrix, k: int = 20, names: Sequence[str] = (FUSED,), block: int = 1024
) -> dict[str, Ranking]:
    """Ranks all items for the users of this rank that have held-out items, as :func:`~brmrs_graph.evaluation.rank`.

    The item vectors of all ranks pass by, one rank's at a time; memory is ``block`` rows of scores of one rank's items.

    Args:
        branches: The model's branches.
        held_out: Interactions to be found of this rank's users, CSR, shape [own users, |I|].
        k: Length of the ranking.
        names: Branches that rank.
        block: Users ranked at once.

    Returns:
        Branch name -> ranking, with users numbered from this rank's first one.

    Raises:
        TrainingError: If an embedding is NaN or infinite on any rank; such scores would rank at random.
    """
    check_finite(branches, names)
    users = torch.from_numpy(np.flatnonzero(np.diff(held_out.indptr)))
    return {name: judged(_best(branches, name, users, min(k, held_out.shape[1]), block), held_out) for name in names}


def _best(branches: ShardedBranches, name: str, users: Tensor, k: int, block: int) -> Tensor:
    shard, own_items = branches.shard, branches.items(name)
    partition = shard.items
    user = branches.users(name)[users.to(own_items.device)]
    values, ids = user.new_empty(len(users), 0), users.new_empty(len(users), 0).to(user.device)
    rows = [len(partition.of(rank)) for rank in range(partition.ranks)]
    for source, items in enumerate(shard.ranks.stream(own_items, rows, "ranking")):
        first = partition.of(source).start
        seen = shard.train[users.numpy()][:, first : first + len(items)]
        best = min(k, len(items))
        found = [(values.new_empty(0, best), ids.new_empty(0, best))]  # no users have as many columns as some
        for start in range(0, len(users), block):
            scores = dot_products(user[start : start + block], items)
            leave_out(scores, seen[start : start + block])
            top = top_items(scores, best)
            found.append((scores.gather(1, top), top + first))
        more, more_ids = (torch.cat(parts) for parts in zip(*found, strict=True))
        values, ids = merge_best(values, ids, more, more_ids, k)
    return ids


def summarize_on_ranks(ranking: Ranking, ranks: Ranks, ks: Sequence[int] = (10, 20)) -> dict[str, float]:
    """The metrics of :func:`~brmrs_graph.evaluation.summarize` over the users of all ranks, the same on all of them.

    Args:
        ranking: Of this rank's users.
        ranks: The ranks.
        ks: Lengths.
    """
    values = {f"{name}@{k}": metric(ranking, k) for k in ks for name, metric in (("recall", recall), ("ndcg", ndcg))}
    sums = torch.stack([x.sum() for x in values.values()] + [torch.tensor(float(len(ranking.users))).double()])
    total = ranks.sum(sums.to(ranks.device), "ranking").tolist()
    return {name: value / total[-1] if total[-1] else float("nan") for name, value in zip(values, total, strict=False)}


def collect_ranking(ranking: Ranking, first_user: int, ranks: Ranks) -> Ranking | None:
    """The ranking of all ranks' users on rank 0, None on the others.

    Args:
        ranking: Of this rank's users, numbered from its first one.
        first_user: Global id of that one.
        ranks: The ranks.
    """
    ranking = replace(ranking, users=ranking.users + first_user)
    users = ranks.collect(ranking.users, "results")
    items = ranks.collect(ranking.items, "results")
    hits = ranks.collect(ranking.hits.byte(), "results")
    relevant = ranks.collect(ranking.num_relevant, "results")
    if users is None or items is None or hits is None or relevant is None:
        return None
    return Ranking(users, items, hits.bool(), relevant)
