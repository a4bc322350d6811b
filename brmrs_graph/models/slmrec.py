"""SLMRec: self-supervision between ID and modality channels, from fine to coarse spaces."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import bipartite_graph
from brmrs_graph.losses import infonce_loss
from brmrs_graph.models.base import Recommender, embedding
from brmrs_graph.models.content import ContentProjection
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import LightGCNPropagation


@dataclass(frozen=True)
class SLMRecConfig:
    """Options of :class:`SLMRec`."""

    dim: int = 64
    """Width d of all vectors."""
    num_layers: int = 3
    """Layers of propagation over the user-item graph (L)."""
    temperature: float = 0.2
    """Temperature of the loss on interactions."""
    contrast: float = 0.1
    """Weight α of the self-supervised loss."""
    contrast_temperature: float = 0.2
    """Temperature τ of that loss."""


@register_model("slmrec", SLMRecConfig)
class SLMRec(Recommender):
    r"""An ID and several modality channels, fused linearly, with contrastive losses for all.

    From "Self-supervised Learning for Multimedia Recommendation" (Tao et al., IEEE Transactions on Multimedia 2022).
    With one table of user vectors p for all channels, :math:`h^{id} = q` and
    :math:`h^m = W_m x^m / \lVert x^m \rVert + b_m`:

    .. math::
        [P^c; Q^c] &= \mathrm{LightGCN}([p; h^c]) \quad (c \in \{id, m, \dots\}), \qquad
        P = W_U (\Vert_c P^c) + b_U, \quad Q = W_I (\Vert_c Q^c) + b_I, \\
        L_{main} &= -\frac{1}{B} \sum_{(u,i)}
            \log \frac{\exp(\cos(P_u, Q_i) / \tau)}{\sum_{j} \exp(\cos(P_u, Q_j) / \tau)}

    with j the items of the batch. The self-supervised task is the paper's third, FAC: channels are aligned in ever
    coarser spaces. For the modalities :math:`m_n` in their order, with :math:`z_0 = Q^{id}`,
    :math:`z_n = A_n z_{n-1} + a_n` and :math:`y_n = B_n Q^{m_n} + b_n`, the loss is
    :math:`\alpha \sum_n \mathrm{InfoNCE}(z_n, y_n)` over the batch's distinct items. Neither loss needs sampled
    negatives (objective ``own``).

    Branches: each modality, ``"id"`` and ``"fused"`` (P and Q, whose dot product holds cross terms).

    Left out are the paper's other tasks, feature dropout and feature masking. FAC takes cosines and d dimensions in
    every space here; dot products, and d / 2 in the last space, in the published code. Items that lack a modality have
    no part in its alignment.
    """

    needs_content = True
    revision = 1
    default_objective = "own"

    def __init__(self, data: MultimodalDataset, config: SLMRecConfig) -> None:
        super().__init__()
        data.require_content("slmrec")
        if not (config.temperature > 0 and config.contrast_temperature > 0):
            raise ConfigError(
                f"temperature={config.temperature} and contrast_temperature={config.contrast_temperature} must be "
                "above 0"
            )
        self.config = config
        self.modalities = data.modalities
        dim, channels = config.dim, 1 + len(data.modalities)
        self.user = embedding(data.num_users, dim)
        self.item = embedding(data.num_items, dim)
        self.content = ContentProjection(data, dim, unit=True)
        self.fuse_user = nn.Linear(channels * dim, dim)
        self.fuse_item = nn.Linear(channels * dim, dim)
        self.coarse = nn.ModuleDict({m: nn.Linear(dim, dim) for m in self.modalities})
        self.fine = nn.ModuleDict({m: nn.Linear(dim, dim) for m in self.modalities})
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
        self.graph = bipartite_graph(data.train_edges, data.num_users, data.num_items)
        self.propagation = LightGCNPropagation(config.num_layers)

    def forward(self) -> Branches:
        """One branch per modality, ``"id"`` and ``"fused"``, each |U|×d and |I|×d."""
        users, items = {}, {}
        for name, item in (self.content() | {"id": self.item}).items():
            users[name], items[name] = self.propagation((self.user, item), self.graph)
        users[FUSED] = self.fuse_user(torch.cat(list(users.values()), dim=1))
        items[FUSED] = self.fuse_item(torch.cat(list(items.values()), dim=1))
        return Branches(users, items, self.modalities)

    def losses(self, branches: Branches, users: Tensor, positives: Tensor, negatives: Tensor) -> dict[str, Tensor]:
        """``main`` on interactions and ``contrast`` between channels."""
        config = self.config
        terms = {"main": infonce_loss(*branches.vectors(FUSED, users, positives), config.temperature, both=False)}
        if config.contrast:
            terms["contrast"] = config.contrast * self._align(branches, positives.unique())
        return terms

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """User and item vectors of the batch, before propagation."""
        return [self.user.index_select(0, users), self.item.index_select(0, items)]

    def _align(self, branches: Branches, items: Tensor) -> Tensor:
        space = branches.items("id").index_select(0, items)
        total = space.new_zeros(())
        for m in self.modalities:
            space = self.coarse[m](space)
            there = self.content.has(m).index_select(0, items).squeeze(1) > 0
            if bool(there.any()):
                modality = self.fine[m](branches.items(m).index_select(0, items[there]))
                total = total + infonce_loss(space[there], modality, self.config.contrast_temperature, both=False)
        return total
