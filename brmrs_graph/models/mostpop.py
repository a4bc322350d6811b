"""The most popular items for everybody."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models.base import Recommender
from brmrs_graph.models.registry import register_model


@dataclass(frozen=True)
class MostPopConfig:
    """No options."""


@register_model("mostpop", MostPopConfig)
class MostPop(Recommender):
    """Scores an item by its number of training interactions; nothing is learned."""

    def __init__(self, data: MultimodalDataset, config: MostPopConfig) -> None:
        super().__init__()
        popularity = torch.bincount(data.train_edges[1], minlength=data.num_items)
        self.register_buffer("popularity", popularity.float().unsqueeze(1), persistent=False)
        self.num_users = data.num_users

    def forward(self) -> Branches:
        """One branch of width 1: users are 1, items their popularity."""
        popularity = self.popularity
        assert isinstance(popularity, torch.Tensor)
        return Branches({FUSED: popularity.new_ones(self.num_users, 1)}, {FUSED: popularity})
