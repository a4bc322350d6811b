"""Rows of a sharded table for all ranks: where a batch meets the shards."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from brmrs_graph.distributed.partition import Partition
from brmrs_graph.distributed.ranks import Ranks


def gather_rows(x: Tensor, ids: Tensor, partition: Partition, ranks: Ranks) -> Tensor:
    """Rows of a sharded table, the same on all ranks.

    What is computed from them is computed alike everywhere, so that every rank knows the whole gradient: backward keeps
    the part of the own rows, and nothing is sent.

    Args:
        x: This rank's rows, shape [own, d].
        ids: Rows wanted, int64, any shape, the same on all ranks.
        partition: Who owns the rows.
        ranks: The ranks.

    Returns:
        The shape of ``ids`` with d added.
    """
    return _Gather.apply(x, ids.reshape(-1), partition, ranks).view(*ids.shape, x.size(1))


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, ids: Tensor, partition: Partition, ranks: Ranks) -> Tensor:
        place = partition.owns(ids).nonzero().squeeze(1)
        own = partition.local(ids[place])
        ctx.save_for_backward(place, own)
        ctx.num_rows = x.size(0)
        rows = x.new_zeros(ids.numel(), x.size(1)).index_copy_(0, place, x.index_select(0, own))
        return ranks.sum(rows, "gather")

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        place, own = ctx.saved_tensors
        rows = grad.new_zeros(ctx.num_rows, grad.size(1))
        return rows.index_add_(0, own, grad.index_select(0, place)), None, None, None
