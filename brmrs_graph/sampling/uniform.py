"""Uniform negatives, drawn for a whole batch at once and without rejection."""

from __future__ import annotations

import torch
from torch import Tensor

from brmrs_graph.errors import DataError
from brmrs_graph.sampling.pairs import PairSet


class UniformSampler:
    r"""Draws items that a user has no *training* interaction with, all equally likely.

    Held-out positives stay reachable as negatives: a sampler that avoided them would leak the test.

    With the user's training items sorted, :math:`p_0 < p_1 < \dots`, the r-th item outside of them is
    :math:`r + |\{k : p_k - k \le r\}|`; the count is one binary search over sorted (user, item) keys, so that a draw
    of any size is a few tensor operations.

    Args:
        edge_index: Users (row 0) and items (row 1) of the training interactions, int64, shape [2, num_pairs], each
            pair once.
        num_users: |U|.
        num_items: |I|.
        first_user: Number of the first user for messages, where these are a part of all users.

    Attributes:
        seen: The training interactions as a set of pairs.

    Raises:
        DataError: If a user has interacted with every item, so that no negative exists.
    """

    def __init__(self, edge_index: Tensor, num_users: int, num_items: int, first_user: int = 0) -> None:
        self.num_items = num_items
        self.seen = PairSet(edge_index, num_items)
        users = torch.div(self.seen.keys, num_items, rounding_mode="floor")
        self._degree = torch.bincount(users, minlength=num_users)
        if num_users and int(self._degree.max()) >= num_items:
            raise DataError(
                f"user {first_user + int(self._degree.argmax())} has a training interaction with each of the "
                f"{num_items} items, so no negative can be drawn; leave such users out"
            )
        self._start = torch.cumsum(self._degree, 0) - self._degree
        rank = torch.arange(users.numel(), device=users.device) - self._start[users]
        # p_k - k, offset by user. It never falls within a user, and users with num_items keys each never overlap.
        self._gaps = self.seen.keys - rank

    def draw(self, users: Tensor, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draws ``n`` negatives for every user, with replacement.

        Args:
            users: User ids, int64, shape [B].
            n: Negatives per user.
            generator: Source of randomness on the CPU.

        Returns:
            Item ids, int64, shape [B, n].
        """
        free = (self.num_items - self._degree[users]).unsqueeze(1)
        uniform = torch.rand(users.numel(), n, dtype=torch.float64, generator=generator).to(users.device)
        rank = torch.minimum((uniform * free).long(), free - 1)
        query = users.unsqueeze(1) * self.num_items + rank
        below = torch.searchsorted(self._gaps, query, right=True) - self._start[users].unsqueeze(1)
        return rank + below

    def to(self, device: torch.device | str) -> UniformSampler:
        """Moves the sampler to a device."""
        self.seen.to(device)
        self._degree, self._start = self._degree.to(device), self._start.to(device)
        self._gaps = self._gaps.to(device)
        return self
