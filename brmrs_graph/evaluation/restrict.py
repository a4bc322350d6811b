"""Metrics over some of the held-out items, such as those that nothing was trained on."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from brmrs_graph.evaluation.ranking import Ranking


def restrict(ranking: Ranking, held_out: sp.csr_matrix, items: Tensor) -> Ranking:
    """The same ranking of all items, in which only some held-out items count as to be found.

    Args:
        ranking: Of the users that have held-out items.
        held_out: The interactions to be found, CSR, shape [|U|, |I|].
        items: True for the items that count, bool, shape [|I|].

    Returns:
        The users that have such an item, their best items as they were, and hits and counts of such items alone.
    """
    count = held_out.astype(bool).astype(np.int64)[ranking.users.numpy()] @ items.numpy().astype(np.int64)
    relevant = torch.from_numpy(count)
    rows = relevant > 0
    top = ranking.items[rows]
    return Ranking(ranking.users[rows], top, ranking.hits[rows] & items[top], relevant[rows])


def only_users(held_out: sp.csr_matrix, users: NDArray[np.int64]) -> sp.csr_matrix:
    """The held-out interactions of some users (ids), the rows of all others empty; same shape."""
    chosen = np.zeros(held_out.shape[0], dtype=held_out.dtype)
    chosen[users] = 1
    kept = sp.csr_matrix(sp.diags(chosen) @ held_out)
    kept.eliminate_zeros()
    return kept


def cold_items(train: sp.csr_matrix) -> Tensor:
    """True for the items without a training interaction, bool, shape [|I|]."""
    return torch.from_numpy(np.asarray(train.getnnz(axis=0)) == 0)
