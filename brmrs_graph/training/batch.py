"""The margins of one batch, with each row of the embedding tables gathered once for all losses."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import torch
from torch import Tensor

from brmrs_graph.branches import Branches, PairScores


class BatchMargins:
    """Gives the margins s(u, i+) - s(u, i-) of a batch, by branch and by negatives.

    Args:
        branches: The model's branches.
        users: User ids, int64, shape [B].
        positives: Positive item ids, int64, shape [B].
        negatives: Name -> negative item ids, int64, shape [B].
    """

    def __init__(
        self, branches: Branches, users: Tensor, positives: Tensor, negatives: Mapping[Hashable, Tensor]
    ) -> None:
        self._scores = PairScores(branches, users, torch.stack([positives, *negatives.values()], dim=1))
        self._column = {name: column for column, name in enumerate(negatives, start=1)}

    def margin(self, branch: str, negatives: Hashable) -> Tensor:
        """Margins of a branch on the negatives of that name, shape [B]."""
        scores = self._scores[branch]
        return scores[:, 0] - scores[:, self._column[negatives]]
