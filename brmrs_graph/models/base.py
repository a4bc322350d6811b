"""What every model is: a module whose forward pass returns :class:`~brmrs_graph.branches.Branches`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import Graph, SparseGraph, bipartite_graph


@dataclass(frozen=True)
class ItemPaths:
    r"""What a model adds to item vectors over an item graph: :math:`\sum_j w_{ij} h_j` to those of item i.

    The score of item i for a user holds :math:`w_{ij} \langle p_u, h_j \rangle` from each neighbour j, exactly.

    Args:
        graph: The item graph with the weights :math:`w_{ij}`, |I|×|I|.
        items: Branch name -> :math:`h`, |I|×d_b, with ``"fused"``; branches that are not in it get nothing.
    """

    graph: SparseGraph
    items: Mapping[str, Tensor]


class Recommender(nn.Module):
    """Base class of all models.

    A subclass implements :meth:`forward`; where it has free embeddings, :meth:`batch_parameters`; where it has losses
    of its own, :meth:`losses`.

    Attributes:
        modalities: The branches that come from item content.
        averages: Whether the fused score is a mean of branch scores (see :class:`~brmrs_graph.nn.Fusion`).
        needs_content: Whether item features must be there.
        default_objective: The objective preset used when none is asked for.
        revision: Raised by one whenever the same options come to give another model, so that ``experiments`` tells its
            runs from those of before.
    """

    modalities: tuple[str, ...] = ()
    averages = False
    needs_content = False
    default_objective = "bpr"
    revision = 0

    def forward(self) -> Branches:
        """User and item embeddings of all branches, over the whole graph."""
        raise NotImplementedError

    def begin_epoch(self, generator: torch.Generator) -> None:
        """Called before each training epoch, for instance to drop edges anew.

        Args:
            generator: Source of all randomness of the epoch, on the CPU; a model that drops or draws anything in its
                forward pass keeps it until the next epoch.
        """

    def losses(self, branches: Branches, users: Tensor, positives: Tensor, negatives: Tensor) -> dict[str, Tensor]:
        """Loss terms that belong to the model and not to the objective (alignment, reconstruction, …).

        Args:
            branches: What the forward pass of this step returned, with its ``extra`` tensors.
            users: User ids, int64, shape [B].
            positives: Items they interacted with, int64, shape [B].
            negatives: The negatives of the fused score, int64, shape [B].

        Returns:
            Weighted scalars by name, which are added to the objective's.
        """
        return {}

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """The free embedding rows of a batch, for weight decay.

        Args:
            users: User ids, int64, shape [B].
            items: Item ids, positives and negatives, int64, shape [n].
        """
        return []

    def item_paths(self) -> ItemPaths | None:
        """What the model adds to item vectors over an item graph; None where it does nothing that is so simple."""
        return None

    # Where the rows of users and items come in; a model that is sharded over ranks has its own rows alone.

    def _user_table(self, data: MultimodalDataset, dim: int) -> nn.Parameter:
        return embedding(data.num_users, dim)

    def _item_table(self, data: MultimodalDataset, dim: int) -> nn.Parameter:
        return embedding(data.num_items, dim)

    def _bipartite_graph(self, data: MultimodalDataset) -> Graph:
        return bipartite_graph(data.train_edges, data.num_users, data.num_items)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        # Graphs are constants, not parameters, but move with the module.
        for name, value in vars(self).items():
            if isinstance(value, Graph):
                setattr(self, name, value.apply(fn))
        return super()._apply(fn, recurse)


def check_modality_names(modalities: Iterable[str]) -> None:
    """Checks that modalities can be names of branches and of submodules.

    Raises:
        ConfigError: Naming the one that cannot.
    """
    for name in modalities:
        if name in ("id", FUSED) or "." in name or hasattr(nn.ModuleDict, name):
            raise ConfigError(f"a modality cannot be called '{name}'; rename its file {name}_feat.npy")


def embedding(num_rows: int, dim: int) -> nn.Parameter:
    """A free embedding table, num_rows×dim, Xavier-uniform.

    Raises:
        ConfigError: If ``dim`` is not positive.
    """
    check_dim(dim)
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(num_rows, dim)))


def check_dim(dim: int) -> None:
    """Checks the width of an embedding table.

    Raises:
        ConfigError: If it is not positive.
    """
    if dim < 1:
        raise ConfigError(f"model.dim is {dim}; it must be at least 1")
