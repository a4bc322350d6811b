"""GRCN: propagation over a user-item graph whose edges are weighed by content."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.models.base import Recommender, embedding
from brmrs_graph.models.content import ContentProjection
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import ConcatFusion, edge_dot, edge_softmax, edge_sum
from brmrs_graph.nn.attention import LOWEST, transposed


@dataclass(frozen=True)
class GRCNConfig:
    """Options of :class:`GRCN`."""

    dim: int = 64
    """Width of the ID vectors."""
    content_dim: int = 64
    """Width of each modality's vectors."""
    routing: int = 3
    """Routing iterations T."""
    num_layers: int = 2
    """Layers L of propagation over the refined graph."""
    prune: bool = False
    """Cuts edges of negative confidence (hard pruning)."""


@register_model("grcn", GRCNConfig)
class GRCN(Recommender):
    r"""Refines the user-item graph by how well items fit what their users like, and propagates ID vectors over it.

    From "Graph-Refined Convolutional Network for Multimedia Recommendation with Implicit Feedback" (Wei et al., MM
    2020). In each modality, with :math:`\bar\imath_m = \phi(W_m x_i^m + b_m)` (leaky ReLU) and free :math:`u_m`, all
    scaled to length 1, a user's prototype is found by T rounds of routing among her items, and edges are weighed by
    attention in both directions:

    .. math::
        u_m &\leftarrow u_m + \sum_{i \in N_u} a_{ui}^m\, \bar\imath_m, \qquad
        a_{ui}^m = \mathrm{softmax}_{i \in N_u} \langle u_m, \bar\imath_m \rangle, \qquad
        a_{iu}^m = \mathrm{softmax}_{u \in N_i} \langle u_m, \bar\imath_m \rangle, \\
        w_{ui} &= \max_m c_i^m a_{ui}^m, \qquad w_{iu} = \max_m c_u^m a_{iu}^m, \\
        u^{(l+1)} &= \sum_{i \in N_u} w_{ui}\, i^{(l)}, \qquad i^{(l+1)} = \sum_{u \in N_i} w_{iu}\, u^{(l)}, \qquad
        u^* = \Big[\sum_{l=0}^L u^{(l)};\ u_m + \sum_{i \in N_u} a_{ui}^m\, \bar\imath_m,\ \dots\Big]

    with free confidences c of every node in each modality, and :math:`i^*` likewise. There are no losses but the
    objective's.

    Branches: ``"id"`` (propagated ID vectors) and each modality; ``"fused"`` is the sum of their scores.

    As in the published code, ID vectors start at length 1, the confidence that counts is that of the sending node, and
    confidences start around 0. That code also drops edges on request, which its published settings do not; and its
    routing leaves users as they are, since the edges it goes over lead away from them (``routing=0`` here). Items that
    lack a modality get no attention in it, but for users all of whose items do.
    """

    needs_content = True

    def __init__(self, data: MultimodalDataset, config: GRCNConfig) -> None:
        super().__init__()
        data.require_content("grcn")
        if config.routing < 0 or config.num_layers < 1:
            raise ConfigError(
                f"routing={config.routing} must not be negative and num_layers={config.num_layers} be at least 1"
            )
        self.config = config
        self.modalities = data.modalities
        self.user_id = embedding(data.num_users, config.dim)
        self.item_id = embedding(data.num_items, config.dim)
        # Pairs, because ParameterDict would sort a dict, and branches keep the order of the modalities.
        self.user = nn.ParameterDict([(m, embedding(data.num_users, config.content_dim)) for m in self.modalities])
        self.content = ContentProjection(data, config.content_dim)
        self.user_confidence = embedding(data.num_users, len(self.modalities))
        self.item_confidence = embedding(data.num_items, len(self.modalities))
        self.graph = SparseGraph.from_scipy(data.train)
        self.fusion = ConcatFusion()

    def forward(self) -> Branches:
        """``"id"`` and one branch per modality, each |U|×d and |I|×d, added up by the fused one."""
        to_users, to_items = self.graph, self.graph.t()
        users, items, user_weights, item_weights = {}, {}, [], []
        for m, content in self.content().items():
            item = F.normalize(F.leaky_relu(content), dim=1)
            user = F.normalize(self.user[m], dim=1)
            lacking = self.content.has(m).squeeze(1).index_select(0, to_users.col) == 0
            for _ in range(self.config.routing):
                attention = edge_softmax(to_users, edge_dot(to_users, user, item).masked_fill(lacking, LOWEST))
                user = F.normalize(user + edge_sum(to_users, attention, item), dim=1)
            score = edge_dot(to_users, user, item).masked_fill(lacking, LOWEST)
            user_weights.append(edge_softmax(to_users, score))
            item_weights.append(edge_softmax(to_items, transposed(to_users, score)))
            users[m] = user + edge_sum(to_users, user_weights[-1], item)
            items[m] = item + edge_sum(to_items, item_weights[-1], user)
        user, item = F.normalize(self.user_id, dim=1), F.normalize(self.item_id, dim=1)
        from_items = self._refine(user_weights, self.item_confidence, to_users)
        from_users = self._refine(item_weights, self.user_confidence, to_items)
        layers = [(user, item)]
        for _ in range(self.config.num_layers):
            user, item = edge_sum(to_users, from_items, item), edge_sum(to_items, from_users, user)
            layers.append((user, item))
        ids = [torch.stack(side).sum(dim=0) for side in zip(*layers, strict=True)]
        return Branches({"id": ids[0]} | users, {"id": ids[1]} | items, self.modalities, self.fusion)

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """ID vectors of users and items, and the users' vectors of each modality."""
        tables = [self.user_id, *self.user.values()]
        return [self.item_id.index_select(0, items), *(table.index_select(0, users) for table in tables)]

    def _refine(self, weights: list[Tensor], confidence: Tensor, graph: SparseGraph) -> Tensor:
        """The weights of edges over all modalities, shape [num_edges]."""
        weight = (torch.stack(weights, dim=1) * confidence.index_select(0, graph.col)).amax(dim=1)
        return weight.relu() if self.config.prune else weight
