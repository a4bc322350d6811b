"""MGCN: modalities purified by behaviour, propagated in views of their own, and fused by preference."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import bipartite_graph, degree_normalize, knn_graph
from brmrs_graph.losses import infonce_loss
from brmrs_graph.models.base import Recommender, embedding
from brmrs_graph.models.content import ContentProjection
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import ItemGraphPropagation, LightGCNPropagation
from brmrs_graph.nn.attention import LOWEST


@dataclass(frozen=True)
class MGCNConfig:
    """Options of :class:`MGCN`."""

    dim: int = 64
    """Width d of all vectors."""
    num_layers: int = 2
    """Layers of propagation over the user-item graph (L)."""
    item_layers: int = 1
    """Layers over the item graph of each modality."""
    k: int = 10
    """Nearest neighbours per item in the item graphs, the item itself among them (K)."""
    contrast: float = 0.01
    """Weight λ_C of the contrast between behaviour and content."""
    temperature: float = 0.2
    """Temperature τ of that loss."""


@register_model("mgcn", MGCNConfig)
class MGCN(Recommender):
    r"""Contrastive alignment of a behaviour view with content views.

    From "Multi-View Graph Convolutional Network for Multimedia Recommendation" (Yu et al., MM 2023). A purifier lets
    through what of the ID vectors :math:`q` the modality supports, each modality propagates over its own item graph
    :math:`S_m` (cosine kNN, :math:`D^{-1/2} S D^{-1/2}`), and a fuser weighs what modalities share and what is theirs:

    .. math::
        \ddot E^m &= q \odot \sigma(W_2^m (W_1^m x^m + b_1^m) + b_2^m), \quad
        \bar E_I^m = S_m^{L_{ii}} \ddot E^m, \quad \bar E_U^m = \hat R\, \bar E_I^m, \\
        \bar E^{id} &= \mathrm{LightGCN}([p; q]), \quad
        \alpha_m = \mathrm{softmax}_m\bigl(q_1^\top \tanh(W_4 \bar E^m + b_4)\bigr), \quad
        E_s = \sum_m \alpha_m \bar E^m, \\
        E_{mul} &= E_s + \frac{1}{M} \sum_m \sigma(W_3^m \bar E^{id} + b_3^m) \odot (\bar E^m - E_s), \quad
        E = \bar E^{id} + E_{mul}

    The model's own loss is InfoNCE between :math:`E_{mul}` and :math:`\bar E^{id}`, users plus items.

    Branches: each modality (:math:`\bar E^m`), ``"id"`` (:math:`\bar E^{id}`) and ``"fused"`` (E, whose dot product
    holds cross terms).

    The published code divides the sum of all terms of :math:`E_{mul}` by M + 1 = 3, takes the softmax over nodes
    instead of modalities in its first version, tunes the features, and decays the final vectors. Here the formulas are
    the paper's, features are constants, the free vectors decay, and the contrast is over the batch's distinct users and
    items. One modality alone passes the fuser unchanged. For an item that lacks some modalities, and for a user all of
    whose items do, softmax and mean are over the others.
    """

    needs_content = True

    def __init__(self, data: MultimodalDataset, config: MGCNConfig) -> None:
        super().__init__()
        data.require_content("mgcn")
        if not config.temperature > 0:
            raise ConfigError(f"temperature={config.temperature} must be above 0")
        self.config = config
        self.modalities = data.modalities
        dim = config.dim
        self.user = embedding(data.num_users, dim)
        self.item = embedding(data.num_items, dim)
        self.content = ContentProjection(data, dim)
        self.purifier = nn.ModuleDict({m: nn.Linear(dim, dim) for m in self.modalities})
        self.preference = nn.ModuleDict({m: nn.Linear(dim, dim) for m in self.modalities})
        self.attention = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, 1, bias=False))
        self.graph = bipartite_graph(data.train_edges, data.num_users, data.num_items)
        for m, x in data.features.items():
            graph = knn_graph(x, config.k, loop=True, missing=data.missing[m])
            setattr(self, f"item_graph_{m}", degree_normalize(graph.with_weight(graph.weight.clamp(min=0))))
        self.propagation = LightGCNPropagation(config.num_layers)
        self.smoothing = ItemGraphPropagation(config.item_layers)

    def forward(self) -> Branches:
        """One branch per modality, ``"id"`` and ``"fused"``, each |U|×d and |I|×d."""
        users, items = {}, {}
        for m, content in self.content().items():
            purified = self.item * self.purifier[m](content).sigmoid() * self.content.has(m)
            items[m] = self.smoothing(purified, getattr(self, f"item_graph_{m}"))
            users[m] = self.graph @ items[m]
        users["id"], items["id"] = self.propagation((self.user, self.item), self.graph)
        extra = {}
        has = torch.cat([self.content.has(m) for m in self.modalities], dim=1)
        for name, side, there in (("user", users, self.graph @ has), ("item", items, has)):
            extra[name] = self._fuse(side, there > 0)
            side[FUSED] = side["id"] + extra[name]
        return Branches(users, items, self.modalities, extra=extra)

    def losses(self, branches: Branches, users: Tensor, positives: Tensor, negatives: Tensor) -> dict[str, Tensor]:
        """``contrast``: InfoNCE between content and behaviour vectors, users plus items."""
        if not self.config.contrast:
            return {}
        terms = [
            infonce_loss(
                content.index_select(0, ids), behaviour.index_select(0, ids), self.config.temperature, both=False
            )
            for content, behaviour, ids in (
                (branches.extra["user"], branches.users("id"), users.unique()),
                (branches.extra["item"], branches.items("id"), positives.unique()),
            )
        ]
        return {"contrast": self.config.contrast * torch.stack(terms).sum()}

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """User and item vectors of the batch, before propagation."""
        return [self.user.index_select(0, users), self.item.index_select(0, items)]

    def _fuse(self, views: dict[str, Tensor], has: Tensor) -> Tensor:
        content = torch.stack([views[m] for m in self.modalities], dim=1)
        score = self.attention(content).masked_fill(~has.unsqueeze(2), LOWEST)
        shared = (score.softmax(dim=1) * content).sum(dim=1)
        own = torch.stack([self.preference[m](views["id"]).sigmoid() * (views[m] - shared) for m in self.modalities])
        there = has.t().unsqueeze(2)
        return shared + (own * there).sum(dim=0) / there.sum(dim=0).clamp(min=1)
