"""User vectors of a model for people it was not trained on, from the items that they took."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from brmrs_graph.errors import ConfigError
from brmrs_graph.serving.search import BLOCK, Vectors, product

RIDGE = 1.0
"""Regularisation, as a multiple of the mean variance of the input over its dimensions."""


class UserMap:
    r"""A ridge regression from the mean vector of a user's items to the trained vector of the user.

    .. math::
        \hat p_u = \bar p + W^\top \Big(\frac{1}{|I_u|} \sum_{i \in I_u} q_i - \bar m\Big), \qquad
        W = (M^\top M + \lambda I)^{-1} M^\top P

    M and P hold the centred means and vectors of all users with training items. Nothing is trained: it is one
    linear system of the size of the vectors, solved once. What it is measured against is in docs/serving.md; folding
    in by least squares against the item vectors (``recalculate_user`` of the package implicit) does far worse for
    models trained on rankings, whose scores are no estimates of 0 and 1.

    Args:
        history: Training interactions, CSR, shape [|U|, |I|].
        users: Trained user vectors, |U|×d.
        items: Item vectors, |I|×d.
    """

    def __init__(self, history: sp.csr_matrix, users: Tensor, items: Tensor) -> None:
        self.items = items
        known = np.flatnonzero(np.diff(history.indptr))
        mean, target = self._mean(history[known]).double(), users[torch.from_numpy(known)].double()
        self.center, self.base = mean.mean(dim=0), target.mean(dim=0)
        mean -= self.center
        gram = mean.T @ mean
        # A floor, for branches whose item vectors are all equal.
        gram.diagonal().add_(RIDGE * gram.diagonal().mean().clamp(min=1e-12))
        self.weight = torch.linalg.solve(gram, mean.T @ (target - self.base)).T.float()

    def __call__(self, history: sp.csr_matrix) -> Tensor:
        """User vectors from what users took.

        Args:
            history: Binary CSR matrix, shape [B, |I|]. A user without any item gets the mean of all user vectors.

        Returns:
            Shape [B, d].
        """
        mean = self._mean(history) - self.center.float()
        mean[torch.from_numpy(np.diff(history.indptr) == 0)] = 0
        return torch.cat([product(block, self.weight) for block in mean.split(BLOCK)]) + self.base.float()

    def _mean(self, history: sp.csr_matrix) -> Tensor:
        size = np.maximum(np.diff(history.indptr), 1)[:, np.newaxis].astype(np.float32)
        return torch.from_numpy(np.asarray(history @ self.items.numpy()) / size)


def user_map(train: sp.csr_matrix, users: Vectors, items: Vectors) -> Callable[[sp.csr_matrix], Vectors]:
    """What makes user vectors from what users took, as :class:`UserMap` does.

    Neighbourhood models have the training interactions themselves as user vectors, so that a new user's are exact.

    Raises:
        ConfigError: If the vectors are sparse and anything else.
    """
    if isinstance(users, Tensor) and isinstance(items, Tensor):
        return UserMap(train, users, items)
    if users.shape != train.shape or (users != train).nnz:
        raise ConfigError(
            "the model has sparse user vectors other than what users took; nothing is known of new users, so ask it by "
            "recommend() for those that it was made of"
        )
    return same


def same(history: sp.csr_matrix) -> Vectors:
    """What users took, which is their vector."""
    return history
