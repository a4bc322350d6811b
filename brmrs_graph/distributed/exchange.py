"""Fetching the rows of other ranks that this rank's edges need: its halo."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from brmrs_graph.distributed.partition import Partition
from brmrs_graph.distributed.ranks import Ranks


class Exchange:
    """Gets rows of a sharded table, always the same ones, from their owners in one all-to-all.

    The lists of ids are exchanged once, when this is made.

    Args:
        halo: The rows needed, ids of other ranks, int64, ascending, shape [H].
        partition: Who owns the rows of the table.
        ranks: The ranks.
    """

    def __init__(self, halo: Tensor, partition: Partition, ranks: Ranks) -> None:
        self.ranks = ranks
        self.receive = torch.bincount(partition.owner(halo), minlength=ranks.size).tolist()
        self.send = ranks.counts(self.receive)
        self.rows = partition.local(ranks.exchange(halo, self.receive, self.send, "set-up"))

    @property
    def num_fetched(self) -> int:
        """H, the rows that :meth:`fetch` gives."""
        return sum(self.receive)

    def fetch(self, x: Tensor) -> Tensor:
        """The rows needed.

        Args:
            x: This rank's own rows of the table, shape [own, …].

        Returns:
            Shape [H, …], in the order of their ids.
        """
        return self.ranks.exchange(x.index_select(0, self.rows), self.send, self.receive, "halo")

    def extend(self, x: Tensor) -> Tensor:
        """Own rows with the ones needed appended, shape [own + H, …]."""
        return torch.cat([x, self.fetch(x)]) if self.ranks.size > 1 else x

    def apply(self, fn: Callable[[Tensor], Tensor]) -> None:
        """Applies ``fn`` to its tensors, in place."""
        self.rows = fn(self.rows)
