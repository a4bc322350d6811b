"""Candidates of a batch, as many for each pair as there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from brmrs_graph.branches import PairScores
from brmrs_graph.sampling.segment import segment_filter, segment_ids


@dataclass(frozen=True)
class Ragged:
    """Candidates of a batch: flat lists, cut into one segment per (user, positive) pair.

    Args:
        items: Item ids, int64, shape [n].
        scores: Branch -> their scores, shape [n], in the branches that judge.
        ptr: Segment borders, int64, shape [B + 1].
    """

    items: Tensor
    scores: Mapping[str, Tensor]
    ptr: Tensor

    @classmethod
    def of_pool(cls, pool: PairScores, branches: Sequence[str], n: int) -> Ragged:
        """The first ``n`` items of the pool of each pair."""
        items = pool.items[:, :n]
        ptr = torch.arange(0, items.numel() + 1, n, device=items.device)
        return cls(items.reshape(-1), {branch: pool[branch][:, :n].reshape(-1) for branch in branches}, ptr)

    @property
    def segment(self) -> Tensor:
        """Segment of every candidate, int64, shape [n]."""
        return segment_ids(self.ptr)

    def filter(self, keep: Tensor) -> Ragged:
        """Drops the candidates where ``keep`` (bool, shape [n]) is false."""
        scores = {branch: values[keep] for branch, values in self.scores.items()}
        return Ragged(self.items[keep], scores, segment_filter(keep, self.ptr))

    def join(self, other: Ragged) -> Ragged:
        """Appends the candidates of ``other`` to each segment."""
        order = torch.argsort(torch.cat([self.segment, other.segment]), stable=True)
        scores = {branch: torch.cat([values, other.scores[branch]])[order] for branch, values in self.scores.items()}
        return Ragged(torch.cat([self.items, other.items])[order], scores, self.ptr + other.ptr)
