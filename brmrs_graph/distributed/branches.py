"""Branches whose rows are sharded over ranks."""

from __future__ import annotations

from torch import Tensor

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.distributed.gather import gather_rows
from brmrs_graph.distributed.shard import Shard


class ShardedBranches(Branches):
    """The branches of a model that is sharded; samplers and losses use them as any other's.

    Scores and vectors of pairs, whose ids are global, are the same on all ranks, which ask for them together.
    :meth:`users`, :meth:`items` and :meth:`tables` give the rows of this rank.

    Args:
        local: The branches with the rows of this rank.
        shard: Whose rows are where.
    """

    def __init__(self, local: Branches, shard: Shard) -> None:
        super().__init__(local._users, local._items, local.modalities, local.fusion, local.extra)
        self.shard = shard

    @property
    def num_users(self) -> int:
        """|U|, of all ranks."""
        return self.shard.num_users

    @property
    def num_items(self) -> int:
        """|I|, of all ranks."""
        return self.shard.num_items

    def score_all(self, branch: str, users: Tensor) -> Tensor:
        """Not to be had, since no rank has all items; :func:`~brmrs_graph.distributed.rank_on_ranks` ranks them."""
        raise NotImplementedError("no rank has all items; rank them by brmrs_graph.distributed.rank_on_ranks")

    def is_finite(self, branch: str = FUSED) -> bool:
        """Whether no embedding of a branch is NaN or infinite, on any rank."""
        return not self.shard.ranks.any(not super().is_finite(branch))

    def _take_users(self, x: Tensor, ids: Tensor) -> Tensor:
        return gather_rows(x, ids, self.shard.users, self.shard.ranks)

    def _take_items(self, x: Tensor, ids: Tensor) -> Tensor:
        return gather_rows(x, ids, self.shard.items, self.shard.ranks)
