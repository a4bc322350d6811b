"""The models that can be sharded over ranks."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.distributed.bipartite import drop_sharded_edges, sharded_bipartite_graph
from brmrs_graph.distributed.branches import ShardedBranches
from brmrs_graph.distributed.content import sharded_knn_graph, standardize_on_ranks
from brmrs_graph.distributed.drawing import own_rows
from brmrs_graph.distributed.gather import gather_rows
from brmrs_graph.distributed.graph import ShardedGraph
from brmrs_graph.distributed.partition import Partition
from brmrs_graph.distributed.shard import Shard
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import Graph, SparseGraph
from brmrs_graph.models import BRMRS, BRMRSConfig, LightGCN, LightGCNConfig, Recommender
from brmrs_graph.models.base import check_dim

BLOCK = 1 << 14
"""Rows of an embedding table drawn at once, of which a rank keeps its own."""


class ShardedModel(Recommender):
    """What a sharded model does otherwise than the model that it is mixed into: its tables and graphs are this rank's.

    Tables of users are in ``user``, those of items in ``item``; all other parameters are whole on every rank.
    """

    shard: Shard

    def _user_table(self, data: MultimodalDataset, dim: int) -> nn.Parameter:
        return sharded_embedding(self.shard.users, dim)

    def _item_table(self, data: MultimodalDataset, dim: int) -> nn.Parameter:
        return sharded_embedding(self.shard.items, dim)

    def _bipartite_graph(self, data: MultimodalDataset) -> Graph:
        return sharded_bipartite_graph(self.shard)

    def partition_of(self, name: str) -> Partition | None:
        """Who owns the rows of a parameter, by its name; None if all ranks have the whole of it."""
        return {"user": self.shard.users, "item": self.shard.items}.get(name.split(".")[0])

    def user_rows(self, table: Tensor, users: Tensor) -> Tensor:
        """Rows of a table of users, by global ids, on all ranks."""
        return gather_rows(table, users, self.shard.users, self.shard.ranks)

    def item_rows(self, table: Tensor, items: Tensor) -> Tensor:
        """Rows of a table of items, by global ids, on all ranks."""
        return gather_rows(table, items, self.shard.items, self.shard.ranks)


class ShardedLightGCN(ShardedModel, LightGCN):
    """LightGCN with the rows of one rank.

    Args:
        shard: This rank's part of the data.
        config: Options.
    """

    def __init__(self, shard: Shard, config: LightGCNConfig) -> None:
        self.shard = shard
        super().__init__(shard, config)

    def forward(self) -> Branches:
        """One branch, with the rows of this rank."""
        return ShardedBranches(super().forward(), self.shard)

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """User and item vectors of the batch, before propagation, on all ranks."""
        return [self.user_rows(self.user, users), self.item_rows(self.item, items)]


class ShardedBRMRS(ShardedModel, BRMRS):
    """BRMRS with the rows of one rank.

    Args:
        shard: This rank's part of the data.
        config: Options.

    Raises:
        ConfigError: If an option needs graphs that are not sharded, or is out of range.
    """

    def __init__(self, shard: Shard, config: BRMRSConfig) -> None:
        if config.alpha or config.user_layers:
            raise ConfigError(
                "on several ranks brmrs has no co-purchase graphs; leave out --model.alpha and --model.user-layers, or "
                "train without torchrun"
            )
        self.shard = shard
        super().__init__(shard, config)
        # Projections see the own items, so that their gradients are parts of a sum. The fusion sees gathered rows,
        # alike on all ranks; the mean keeps it the same should the ranks' processors round differently.
        for parameter in self.project.parameters():
            parameter.register_post_accumulate_grad_hook(self._add_up)
        for parameter in self.fusion.parameters():
            parameter.register_post_accumulate_grad_hook(self._average)

    def forward(self) -> Branches:
        """The branches, with the rows of this rank."""
        return ShardedBranches(super().forward(), self.shard)

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """The free user vectors, and item vectors of the ID branch, on all ranks."""
        rows = [self.user_rows(table, users) for table in self.user.values()]
        return rows if self.item is None else [*rows, self.item_rows(self.item, items)]

    def _standardized(self, x: Tensor, missing: Tensor) -> Tensor:
        return standardize_on_ranks(x, missing, self.shard.ranks)

    def _knn_graph(self, x: Tensor, k: int, missing: Tensor) -> SparseGraph:
        return sharded_knn_graph(x, k, missing=missing, items=self.shard.items, ranks=self.shard.ranks)

    def _item_graph(self, data: MultimodalDataset, config: BRMRSConfig) -> Graph:
        rows = super()._item_graph(data, config)
        assert isinstance(rows, SparseGraph)
        return ShardedGraph.from_rows(rows, self.shard.items, self.shard.items, self.shard.ranks)

    def _thinned(self, graph: Graph, keep: float, generator: torch.Generator) -> Graph:
        assert isinstance(graph, ShardedGraph)
        return drop_sharded_edges(graph, keep, self.shard.first_edge, self.shard.counts()["train"], generator)

    def _add_up(self, parameter: Tensor) -> None:
        if parameter.grad is not None:
            self.shard.ranks.sum(parameter.grad, "gradients")

    def _average(self, parameter: Tensor) -> None:
        if parameter.grad is not None:
            self.shard.ranks.sum(parameter.grad, "gradients").div_(self.shard.ranks.size)


SHARDED: dict[str, type[Any]] = {"brmrs": ShardedBRMRS, "lightgcn": ShardedLightGCN}
"""Name -> sharded model, constructed as ``Model(shard, config)``."""


def create_sharded_model(name: str, shard: Shard, config: Any, seed: int = 0) -> ShardedModel:
    """Creates the rows of this rank of the model that :func:`~brmrs_graph.models.create_model` creates.

    Args:
        name: Name of the model.
        shard: This rank's part of the data.
        config: Its options.
        seed: Seed of the parameters; the global random state is left as it was.

    Raises:
        ConfigError: If the model, or one of its options, cannot be sharded; the message names those that can.
        DataError: If the model needs item features that the data set does not have.
    """
    check_sharded(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: ShardedModel = SHARDED[name](shard, config)
    return model


def check_sharded(name: str) -> None:
    """Checks that a model can be sharded.

    Raises:
        ConfigError: Naming those that can.
    """
    if name not in SHARDED:
        raise ConfigError(
            f"model '{name}' cannot be trained on several ranks; choose {' or '.join(SHARDED)}, or train without "
            "torchrun"
        )


def sharded_embedding(partition: Partition, dim: int) -> nn.Parameter:
    """The own rows of the table that :func:`~brmrs_graph.models.base.embedding` draws, own×dim.

    Raises:
        ConfigError: If ``dim`` is not positive.
    """
    check_dim(dim)
    bound = math.sqrt(3.0) * math.sqrt(2.0 / (partition.size + dim))  # Xavier's, rounded as torch.nn.init does
    return nn.Parameter(
        own_rows(lambda count: torch.empty(count, dim).uniform_(-bound, bound), partition.size, partition.own, BLOCK)
    )
