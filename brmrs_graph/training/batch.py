"""The negatives and the margins of one batch."""

from __future__ import annotations

from collections.abc import Hashable

import torch
from torch import Tensor

from brmrs_graph.branches import Branches, PairScores


class Negatives(dict[Hashable, Tensor]):
    """The negatives of a batch: name -> item ids, int64, shape [B].

    Attributes:
        shares: Name -> share of the item in the vector of its negative, shape [B], for negatives that are mixed with
            their positive, which is the rest (see :func:`~brmrs_graph.sampling.mixed`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.shares: dict[Hashable, Tensor] = {}


class BatchMargins:
    """Gives the margins s(u, i+) - s(u, i-) of a batch, by branch and by negatives.

    Each row of the embedding tables is gathered once for all losses.

    Args:
        branches: The model's branches.
        users: User ids, int64, shape [B].
        positives: Positive item ids, int64, shape [B].
        negatives: The negatives.
    """

    def __init__(self, branches: Branches, users: Tensor, positives: Tensor, negatives: Negatives) -> None:
        self._scores = PairScores(branches, users, torch.stack([positives, *negatives.values()], dim=1))
        self._column = {name: column for column, name in enumerate(negatives, start=1)}
        self._shares = negatives.shares

    def margin(self, branch: str, negatives: Hashable) -> Tensor:
        """Margins of a branch on the negatives of that name, shape [B]."""
        scores = self._scores[branch]
        margin = scores[:, 0] - scores[:, self._column[negatives]]
        # Scores are linear in the item's vector, so that the share of the positive cancels out.
        return self._shares[negatives] * margin if negatives in self._shares else margin
