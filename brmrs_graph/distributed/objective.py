"""The objective on several ranks: negatives are drawn alike on all of them, by who owns the user."""

from __future__ import annotations

import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.distributed.shard import Shard
from brmrs_graph.errors import ConfigError
from brmrs_graph.models import Recommender
from brmrs_graph.sampling import UniformSampler
from brmrs_graph.training import Objective, ObjectiveConfig


class ShardedUniformSampler(UniformSampler):
    """Draws what :class:`~brmrs_graph.sampling.UniformSampler` draws for all users, on all ranks.

    Every rank draws the same random numbers; the owner of a user makes items of them.

    Args:
        shard: This rank's training interactions.
    """

    def __init__(self, shard: Shard) -> None:
        users = shard.users.own
        super().__init__(shard.train_edges, len(users), shard.num_items, users.start)
        self.shard = shard

    def draw(self, users: Tensor, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draws ``n`` negatives for every user, with replacement; int64, shape [B, n]."""
        partition = self.shard.users
        own = partition.local(users).clamp(0, len(partition.own) - 1)  # those of others are drawn for nothing
        drawn = super().draw(own, n, generator).masked_fill_(~partition.owns(users).unsqueeze(1), 0)
        return self.shard.ranks.sum(drawn, "negatives")


class ShardedObjective(Objective):
    """The loss of a batch, the same on all ranks.

    Args:
        config: Weights and forms.
        data: This rank's part of the data.
        model: A sharded model.

    Raises:
        ConfigError: If the configuration cannot work, alone, with this model, or on several ranks.
    """

    def __init__(self, config: ObjectiveConfig, data: Shard, model: Recommender) -> None:
        if config.chns and (config.chns_form != "pool" or config.avoid_copurchased or config.avoid_duplicates):
            raise ConfigError(
                "on several ranks CHNS draws from the pool alone; give --loss.chns-form pool without "
                "--loss.avoid-copurchased and --loss.avoid-duplicates, or train without torchrun"
            )
        super().__init__(config, data, model)

    def _uniform_sampler(self, data: MultimodalDataset) -> UniformSampler:
        assert isinstance(data, Shard)
        return ShardedUniformSampler(data)
