"""A meta-network: linear transformations of low rank, made for each node from what is known of it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from brmrs_graph.errors import ConfigError


class LowRankMetaNetwork(nn.Module):
    r"""Transforms each row of x by a matrix of low rank that follows from the row's knowledge k.

    .. math::
        y = x\, \mathrm{softmax}(A(k) + \bar A)\, \mathrm{softmax}(B(k) + \bar B)

    A and B are two-layer perceptrons whose outputs, scaled to length 1, are read as d×r and r×d matrices; :math:`\bar
    A` and :math:`\bar B` are the means of those over all rows, and each softmax is over the rows of a matrix. Used to
    filter what modalities share out of behaviour by Ma et al. (MM 2025), and across domains and views before.

    Args:
        dim: Width d of x.
        knowledge_dim: Width of k before it is compressed to d.
        rank: Rank r.

    Shapes:
        - **input:** x, N×d, and knowledge, N×knowledge_dim.
        - **output:** N×d.
    """

    def __init__(self, dim: int, knowledge_dim: int, rank: int) -> None:
        super().__init__()
        if rank < 1:
            raise ConfigError(f"rank is {rank}; it must be at least 1")
        self.dim, self.rank = dim, rank
        self.compress = nn.Linear(knowledge_dim, dim)
        self.left, self.right = (
            nn.Sequential(nn.Linear(dim, dim * rank), nn.PReLU(), nn.Linear(dim * rank, dim * rank)) for _ in range(2)
        )

    def forward(self, x: Tensor, knowledge: Tensor) -> Tensor:
        """Transforms every row."""
        knowledge = self.compress(knowledge)
        left = F.normalize(self.left(knowledge), dim=1).view(-1, self.dim, self.rank)
        right = F.normalize(self.right(knowledge), dim=1).view(-1, self.rank, self.dim)
        left, right = ((matrix + matrix.mean(dim=0)).softmax(dim=1) for matrix in (left, right))
        return (x.unsqueeze(1) @ left @ right).squeeze(1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(dim={self.dim}, rank={self.rank})"
