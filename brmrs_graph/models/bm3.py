"""BM3: latent views bootstrapped by dropout, without negatives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import bipartite_graph
from brmrs_graph.models.base import Recommender, embedding
from brmrs_graph.models.content import ContentProjection
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import LightGCNPropagation, dropout


@dataclass(frozen=True)
class BM3Config:
    """Options of :class:`BM3`."""

    dim: int = 64
    """Width d of all vectors."""
    num_layers: int = 1
    """Layers of propagation over the user-item graph (L)."""
    dropout: float = 0.5
    """Dropout p that makes the target views."""
    content: float = 1.0
    """Weight of the two losses on content; the paper adds all losses up, its published code weighs these by 2."""


@register_model("bm3", BM3Config)
class BM3(Recommender):
    r"""Learns from positives alone, by predicting one view of a user, an item or its content from another.

    From "Bootstrap Latent Representations for Multi-modal Recommendation" (Zhou et al., WWW 2023). With dropout views
    :math:`\dot h`, through which no gradient flows, one predictor for all, and :math:`C(a, b) = -\cos(a, b)`:

    .. math::
        [h_u; h_i] &= \mathrm{LightGCN}([p; q]) + [0; q], \quad h_i^m = W_m x_i^m + b_m, \quad
        \tilde h = W_p h + b_p, \quad \dot h = \mathrm{drop}(h), \\
        L_{rec} &= C(\tilde h_u, \dot h_i) + C(\tilde h_i, \dot h_u), \quad
        L_{align} = \sum_m C(\tilde h_i^m, \dot h_i), \quad L_{mask} = \sum_m C(\tilde h_i^m, \dot h_i^m)

    Each is a mean over the batch's interactions; no other loss is needed (objective ``own``).

    Branches: each modality (:math:`\langle \tilde h_u, \tilde h_i^m \rangle`: all vectors live in one space) and
    ``"fused"`` (:math:`\langle \tilde h_u, \tilde h_i \rangle`). No content is in the fused score itself; content
    reaches ID vectors only through the predictor that they share. Items that lack a modality have no part
    in its losses.

    Where this differs from the published code: features are constants and not tuned, and weight decay is on squared
    norms, as in the paper, of the batch's vectors before propagation; there it is on norms of whole tables after it,
    a weaker pull for the same weight.
    """

    needs_content = True
    default_objective = "own"

    def __init__(self, data: MultimodalDataset, config: BM3Config) -> None:
        super().__init__()
        data.require_content("bm3")
        if not 0 <= config.dropout < 1:
            raise ConfigError(f"dropout={config.dropout} must lie in [0, 1)")
        self.config = config
        self.modalities = data.modalities
        self.user = embedding(data.num_users, config.dim)
        self.item = embedding(data.num_items, config.dim)
        self.content = ContentProjection(data, config.dim)
        self.predictor = nn.Linear(config.dim, config.dim)
        self.graph = bipartite_graph(data.train_edges, data.num_users, data.num_items)
        self.propagation = LightGCNPropagation(config.num_layers)
        self.generator: torch.Generator | None = None

    def begin_epoch(self, generator: torch.Generator) -> None:
        """Keeps the generator for the dropout of the epoch."""
        self.generator = generator

    def forward(self) -> Branches:
        """One branch per modality and ``"fused"``, each |U|×d and |I|×d; all have the same user vectors."""
        user, item = self.propagation((self.user, self.item), self.graph)
        item = item + self.item
        content = self.content()
        items = {m: self.predictor(x) * self.content.has(m) for m, x in content.items()}
        items[FUSED] = self.predictor(item)
        online = self.predictor(user)
        users = dict.fromkeys(items, online)
        extra = {"user": user, "item": item} | {f"item_{m}": x for m, x in content.items()}
        return Branches(users, items, self.modalities, extra=extra)

    def losses(self, branches: Branches, users: Tensor, positives: Tensor, negatives: Tensor) -> dict[str, Tensor]:
        """``reconstruct``, ``align`` and ``mask``."""
        user, item = branches.vectors(FUSED, users, positives)
        user_target = self._target(branches.extra["user"], users)
        item_target = self._target(branches.extra["item"], positives)
        terms = {"reconstruct": -(_cosine(user, item_target) + _cosine(item, user_target)).mean()}
        align, mask = [], []
        for m in self.modalities:
            content = branches.items(m).index_select(0, positives)
            there = self.content.has(m).index_select(0, positives).squeeze(1)
            share = there / there.sum().clamp(min=1)
            align.append(-(share * _cosine(content, item_target)).sum())
            mask.append(-(share * _cosine(content, self._target(branches.extra[f"item_{m}"], positives))).sum())
        for name, values in (("align", align), ("mask", mask)):
            terms[name] = self.config.content * torch.stack(values).sum()
        return terms

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """User and item vectors of the batch, before propagation."""
        return [self.user.index_select(0, users), self.item.index_select(0, items)]

    def _target(self, table: Tensor, ids: Tensor) -> Tensor:
        return dropout(table.detach().index_select(0, ids), self.config.dropout, self.generator)


def _cosine(first: Tensor, second: Tensor) -> Tensor:
    return F.cosine_similarity(first, second, dim=1)
