"""What every model is: a module whose forward pass returns :class:`~brmrs_graph.branches.Branches`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from brmrs_graph.branches import Branches
from brmrs_graph.graphs import SparseGraph


class Recommender(nn.Module):
    """Base class of all models.

    A subclass implements :meth:`forward` and, where it has free embeddings, :meth:`batch_parameters`.

    Attributes:
        modalities: The branches that come from item content.
        averages: Whether the fused score is a mean of branch scores (see :class:`~brmrs_graph.nn.Fusion`).
        default_objective: The objective preset used when none is asked for.
    """

    modalities: tuple[str, ...] = ()
    averages = False
    default_objective = "bpr"

    def forward(self) -> Branches:
        """User and item embeddings of all branches, over the whole graph."""
        raise NotImplementedError

    def begin_epoch(self, generator: torch.Generator) -> None:
        """Called before each training epoch, for instance to drop edges anew."""

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """The free embedding rows of a batch, for weight decay.

        Args:
            users: User ids, int64, shape [B].
            items: Item ids, positives and negatives, int64, shape [n].
        """
        return []

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        # Graphs are constants, not parameters, but move with the module.
        for name, value in vars(self).items():
            if isinstance(value, SparseGraph):
                setattr(self, name, value.apply(fn))
        return super()._apply(fn, recurse)


def embedding(num_rows: int, dim: int) -> nn.Parameter:
    """A free embedding table, num_rows×dim, Xavier-uniform."""
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(num_rows, dim)))
