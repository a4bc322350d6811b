"""Full ranking: every item is scored for every user, a block of users at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.errors import TrainingError
from brmrs_graph.evaluation.screening import Screen
from brmrs_graph.topk import leave_out, top_items

SCORES = {"cpu": 2**23, "cuda": 2**28}
"""Scores that are made at once, by device: about as many as the last cache of a processor holds, and 1 GiB on a GPU."""


@dataclass(frozen=True)
class Ranking:
    """The top of the ranking of every user who has held-out items.

    Args:
        users: User ids, int64, shape [n], ascending.
        items: The K best items of each, best first, int64, shape [n, K].
        hits: Whether each of them is held out for the user, bool, shape [n, K].
        num_relevant: Held-out items of each user, int64, shape [n].
    """

    users: Tensor
    items: Tensor
    hits: Tensor
    num_relevant: Tensor


@torch.no_grad()
def rank(
    branches: Branches,
    seen: sp.csr_matrix,
    held_out: sp.csr_matrix,
    k: int = 20,
    names: Sequence[str] = (FUSED,),
    block: int | None = None,
) -> dict[str, Ranking]:
    """Ranks all items for every user with held-out items, in one or several branches.

    Only ``seen`` items (the *training* interactions, at validation as at test) are masked. Memory is one block of
    ``block * |I|`` scores. On a CPU that multiplies bfloat16, rough scores rule out most items of a large catalogue,
    which changes no ranking by more than float32 rounds (see
    :class:`~brmrs_graph.evaluation.screening.Screen`).

    Args:
        branches: The model's branches.
        seen: Interactions never recommended, CSR, shape [|U|, |I|].
        held_out: Interactions to be found, CSR, shape [|U|, |I|].
        k: Length of the ranking.
        names: Branches that rank.
        block: Users ranked at once (default: as many as make 8 million scores on a CPU, 268 million on a GPU).

    Returns:
        Branch name -> ranking.

    Raises:
        TrainingError: If an embedding is NaN or infinite; such scores would rank at random.
    """
    check_finite(branches, names)
    device = branches.items(names[0]).device
    k = min(k, held_out.shape[1])
    if block is None:
        block = max(1, SCORES["cpu" if device.type == "cpu" else "cuda"] // held_out.shape[1])
    users = np.flatnonzero(np.diff(held_out.indptr))
    screens = {name: Screen(branches.items(name)) for name in names if Screen.is_faster(branches.items(name), k)}
    tops: dict[str, list[Tensor]] = {name: [] for name in names}
    for start in range(0, len(users), block):
        chunk = users[start : start + block]
        ids, rows = torch.from_numpy(chunk).to(device), seen[chunk]
        for name in names:
            tops[name].append(_top(branches, name, ids, rows, k, screens.get(name)))
    none = torch.empty(0, k, dtype=torch.int64, device=device)
    return {name: judged(torch.cat(parts) if parts else none, held_out) for name, parts in tops.items()}


def _top(
    branches: Branches, name: str, users: Tensor, seen: sp.csr_matrix, k: int, screen: Screen | None = None
) -> Tensor:
    """The k best items of some users, of which ``seen`` has the rows."""
    if screen is None:
        scores = branches.score_all(name, users)
        leave_out(scores, seen)
        return top_items(scores, k)
    top, proved = screen.top(branches.users(name)[users], seen, k)
    rest = (~proved).nonzero().squeeze(1)
    if rest.numel():
        top[rest] = _top(branches, name, users[rest], seen[rest.numpy()], k)
    return top


def check_finite(branches: Branches, names: Sequence[str]) -> None:
    """Checks that branches can rank.

    Raises:
        TrainingError: If an embedding is NaN or infinite; such scores would rank at random.
    """
    for name in names:
        if not branches.is_finite(name):
            raise TrainingError(
                f"the embeddings of the branch '{name}' are not finite; the model cannot rank with them"
            )


def judged(items: Tensor, held_out: sp.csr_matrix) -> Ranking:
    """Ranked items with what of them is held out.

    Args:
        items: The K best items of every user with held-out items, in the order of the users, int64, shape [n, K].
        held_out: Interactions to be found, CSR, shape [|U|, |I|].
    """
    count = torch.from_numpy(np.diff(held_out.indptr)).long()
    users = count.nonzero().squeeze(1)
    keys = torch.from_numpy(_keys(held_out)).to(items.device)
    query = users.to(items.device).unsqueeze(1) * held_out.shape[1] + items
    position = torch.searchsorted(keys, query).clamp(max=max(keys.numel() - 1, 0))
    hits = keys[position] == query if keys.numel() else torch.zeros_like(query, dtype=torch.bool)
    return Ranking(users, items.cpu(), hits.cpu(), count[users])


def _keys(matrix: sp.csr_matrix) -> np.ndarray:
    matrix = matrix.sorted_indices()
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    return rows * matrix.shape[1] + matrix.indices
