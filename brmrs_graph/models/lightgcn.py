"""LightGCN: collaborative filtering by linear propagation."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models.base import Recommender
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import LightGCNPropagation


@dataclass(frozen=True)
class LightGCNConfig:
    """Options of :class:`LightGCN`."""

    dim: int = 64
    """Width d of the embeddings."""
    num_layers: int = 2
    """Layers L of propagation."""


@register_model("lightgcn", LightGCNConfig)
class LightGCN(Recommender):
    """Free user and item vectors propagated over the bipartite graph (He et al., SIGIR 2020)."""

    def __init__(self, data: MultimodalDataset, config: LightGCNConfig) -> None:
        super().__init__()
        self.user = self._user_table(data, config.dim)
        self.item = self._item_table(data, config.dim)
        self.graph = self._bipartite_graph(data)
        self.propagation = LightGCNPropagation(config.num_layers)

    def forward(self) -> Branches:
        """One branch, |U|×d and |I|×d."""
        users, items = self.propagation((self.user, self.item), self.graph)
        return Branches({FUSED: users}, {FUSED: items})

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """User and item vectors of the batch, before propagation."""
        return [self.user.index_select(0, users), self.item.index_select(0, items)]
