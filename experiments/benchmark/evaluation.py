"""Part ``evaluation``: ranking all items for all users, beside a plain way, and the matrix products it needs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp
import torch

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.evaluation import rank
from brmrs_graph.evaluation.ranking import SCORES
from brmrs_graph.evaluation.screening import Screen
from experiments.benchmark.context import Context

K = 20
"""Items of a ranking, as in ``rank``."""

USERS = 4096
"""Users whose scores are computed at once where nothing is made of the processor's cache."""


def measure(context: Context) -> dict[str, Any]:
    """Times the ranking of the fused branch, as in every epoch, and of all branches, as at the end of a run."""
    data, branches = context.data, context.branches
    users = torch.from_numpy(np.flatnonzero(np.diff(data.valid.indptr)))
    return {
        "title": f"ranking {data.num_items:,} items for {users.numel():,} users",
        "comparisons": {
            label: context.compare(
                {
                    "ours": partial(rank, branches, data.train, data.valid, names=names),
                    "ours, all scores exact": partial(unscreened, branches, data.train, data.valid, names),
                    "product, mask, topk": partial(plain, branches, data.train, users, names),
                    "matrix products alone": partial(products, branches, users, names),
                }
            )
            for label, names in (
                ("fused branch, as in training", (FUSED,)),
                ("all branches, as at the end", branches.names),
            )
        },
        "facts": {},
    }


def unscreened(branches: Branches, seen: sp.csr_matrix, held_out: sp.csr_matrix, names: Sequence[str]) -> None:
    """Ranking as on a processor that does not multiply bfloat16."""
    with patch.object(Screen, "is_faster", return_value=False):
        rank(branches, seen, held_out, names=names)


@torch.no_grad()
def plain(
    branches: Branches, seen: sp.csr_matrix, users: torch.Tensor, names: Sequence[str]
) -> dict[str, torch.Tensor]:
    """The best items of some users as recommender libraries find them: all scores of many users at once, and topk."""
    found: dict[str, list[torch.Tensor]] = {name: [] for name in names}
    for ids in users.split(USERS):
        row, col = (torch.from_numpy(x.astype(np.int64)) for x in seen[ids.numpy()].nonzero())
        for name in names:
            scores = branches.users(name)[ids] @ branches.items(name).t()
            scores[row, col] = -torch.inf
            found[name].append(scores.topk(K).indices)
    return {name: torch.cat(parts) for name, parts in found.items()}


@torch.no_grad()
def products(branches: Branches, users: torch.Tensor, names: Sequence[str]) -> None:
    """Scores of all items for some users, a block of users at a time; nothing is ranked."""
    for ids in users.split(SCORES["cpu"] // branches.num_items):  # as in ``rank``
        for name in names:
            branches.score_all(name, ids)
