"""FREEDOM: a frozen item graph and a denoised user-item graph."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import bipartite_graph, prune_edges
from brmrs_graph.losses import bpr_loss
from brmrs_graph.models.base import ItemPaths, Recommender, embedding
from brmrs_graph.models.content import ContentProjection
from brmrs_graph.models.frozen import FrozenGraphConfig, frozen_item_graph
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import ItemGraphPropagation, LightGCNPropagation


@dataclass(frozen=True)
class FREEDOMConfig(FrozenGraphConfig):
    """Options of :class:`FREEDOM`."""

    dropout: float = 0.8
    """Share ρ of the edges pruned in an epoch's propagation, in [0, 1)."""
    content_weight: float = 1e-3
    """Weight λ of BPR on each modality's projected features."""


@register_model("freedom", FREEDOMConfig)
class FREEDOM(Recommender):
    r"""LightGCN on a pruned user-item graph plus ID vectors smoothed over a frozen item graph.

    From "A Tale of Two Graphs: Freezing and Denoising Graph Structures for Multimodal Recommendation" (Zhou and Shen,
    MM 2023). With free vectors :math:`p_u, q_i` and the item graph S (see
    :func:`~brmrs_graph.models.frozen.frozen_item_graph`):

    .. math::
        [P; Q] = \mathrm{LightGCN}_{G'}([p; q]), \qquad Q \mathrel{+}= S^{L_{ii}} q, \qquad
        s(u, i) = \langle P_u, Q_i \rangle, \qquad s_m(u, i) = \langle P_u, W_m x_i^m + b_m \rangle

    In training :math:`G'` has :math:`(1 - \rho) |E|` edges, drawn anew every epoch with probabilities in proportion to
    :math:`1 / \sqrt{d_u d_i}`; in ranking it is the whole graph. The model's own loss is
    :math:`\lambda \sum_m \mathrm{BPR}(s_m)`.

    Branches: each modality (:math:`s_m`) and ``"fused"`` (s, into which the modalities go by way of the item graph and
    of the user vectors, not by adding up scores). With λ = 0 nothing of FREEDOM itself trains the modalities' branches.

    The published code also tunes the raw features, which are constants here, and has no weight decay
    (``--loss.weight-decay 0``). Items that lack a modality have a row of S made of the others, scaled to sum to 1.
    """

    needs_content = True

    def __init__(self, data: MultimodalDataset, config: FREEDOMConfig) -> None:
        super().__init__()
        data.require_content("freedom")
        if not 0 <= config.dropout < 1 or not config.content_weight >= 0:
            raise ConfigError(
                f"dropout={config.dropout} must lie in [0, 1) and content_weight={config.content_weight} be at least 0"
            )
        self.config = config
        self.modalities = data.modalities
        self.user = embedding(data.num_users, config.dim)
        self.item = embedding(data.num_items, config.dim)
        self.content = ContentProjection(data, config.dim)
        self.graph = bipartite_graph(data.train_edges, data.num_users, data.num_items)
        self.train_graph = self.graph
        self.item_graph = frozen_item_graph(data, config.k, config.beta)
        self.propagation = LightGCNPropagation(config.num_layers)
        self.smoothing = ItemGraphPropagation(config.item_layers)

    def begin_epoch(self, generator: torch.Generator) -> None:
        """Prunes the user-item graph anew."""
        if self.config.dropout:
            self.train_graph = prune_edges(self.graph, 1 - self.config.dropout, generator)

    def forward(self) -> Branches:
        """One branch per modality and the fused one, each |U|×d and |I|×d."""
        graph = self.train_graph if self.training else self.graph
        users, items = self.propagation((self.user, self.item), graph)
        tables = self.content() | {FUSED: items + self.smoothing(self.item, self.item_graph)}
        return Branches(dict.fromkeys(tables, users), tables, self.modalities)

    def item_paths(self) -> ItemPaths | None:
        """Smoothed item ID vectors, in the fused branch alone; None without item layers."""
        if not self.config.item_layers:
            return None
        return ItemPaths(self.item_graph, {FUSED: self.smoothing.last_input(self.item, self.item_graph)})

    def losses(self, branches: Branches, users: Tensor, positives: Tensor, negatives: Tensor) -> dict[str, Tensor]:
        """``content``: BPR on the scores of each modality, added up."""
        if not self.config.content_weight:
            return {}
        pairs = torch.stack([positives, negatives], dim=1)
        scores = torch.stack([branches.score(m, users, pairs) for m in self.modalities])
        losses = [bpr_loss(score[:, 0] - score[:, 1]) for score in scores]
        return {"content": self.config.content_weight * torch.stack(losses).sum()}

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """User and item vectors of the batch, before propagation."""
        return [self.user.index_select(0, users), self.item.index_select(0, items)]
