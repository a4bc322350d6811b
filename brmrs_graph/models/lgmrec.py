"""LGMRec: local graphs by channel, and global hypergraphs of learned hyperedges."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.data.features import standardize
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import bipartite_graph, row_normalize
from brmrs_graph.losses import infonce_loss
from brmrs_graph.models.base import Recommender, check_modality_names, embedding
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import LightGCNPropagation, dropout


@dataclass(frozen=True)
class LGMRecConfig:
    """Options of :class:`LGMRec`."""

    dim: int = 64
    """Width d of every channel."""
    num_layers: int = 2
    """Layers L of the collaborative channel."""
    modality_layers: int = 2
    """Layers K of the modality channels."""
    hyper_layers: int = 1
    """Layers H over the hypergraphs."""
    hyperedges: int = 4
    """Hyperedges A per modality."""
    keep: float = 0.5
    """Share of hyperedge weights that dropout keeps in training, in (0, 1] (1 - ρ)."""
    alpha: float = 0.3
    """Weight α of the global embeddings."""
    temperature: float = 0.2
    """Temperature τ of the hyperedge assignment and of the contrast."""
    contrast: float = 0.2
    """Weight λ1 of the contrast between the modalities' global embeddings, a batch mean."""


@register_model("lgmrec", LGMRecConfig)
class LGMRec(Recommender):
    r"""Decoupled local channels plus hypergraphs that link items, and users, of one modality's latent attributes.

    From "LGMRec: Local and Global Graph Learning for Multimodal Recommendation" (Guo et al., AAAI 2024):

    .. math::
        E^{id} &= \mathrm{LightGCN}([p; q]), \qquad E^m = \hat A^K [\mathrm{mean}_{i \in N_u} W_m x_i^m; W_m x_i^m], \\
        H_I^m &= X^m V_m, \quad H_U^m = R H_I^m, \quad
        \tilde H = \mathrm{softmax}\bigl((H + \log \delta - \log(1 - \delta)) / \tau\bigr),\ \delta \sim U(0, 1), \\
        G_I^{m,h+1} &= \tilde H_I^m \tilde H_I^{m\top} G_I^{m,h}, \quad
        G_U^{m,h+1} = \tilde H_U^m \tilde H_I^{m\top} G_I^{m,h}, \quad G_I^{m,0} = E_I^{id}, \\
        E &= E^{id} + \sum_m \frac{E^m}{\lVert E^m \rVert} + \alpha \frac{\sum_m G^m}{\lVert \sum_m G^m \rVert}

    with dropout on :math:`\tilde H`, and as a loss of its own the InfoNCE between the global embeddings of every two
    modalities, users and items.

    Branches: each modality (its normalised local embeddings :math:`E^m`), ``"id"`` (:math:`E^{id}`) and ``"fused"``
    (:math:`E`, whose dot product holds cross terms). The hypergraphs smooth ID vectors and are in the fused one alone.

    Where this differs from the paper: contrast is against the batch's users (items) instead of all; it is a batch
    mean, so that the paper's λ1, for a sum, is to be multiplied by the batch size. Neither noise nor dropout at
    evaluation, where the published code draws anew, and Gumbel noise. Items that lack a modality are on none of its
    hyperedges.
    """

    needs_content = True

    def __init__(self, data: MultimodalDataset, config: LGMRecConfig) -> None:
        super().__init__()
        data.require_content("lgmrec")
        check_modality_names(data.modalities)
        if not 0 < config.keep <= 1 or not config.temperature > 0:
            raise ConfigError(f"keep={config.keep} must lie in (0, 1] and temperature={config.temperature} above 0")
        if min(config.hyperedges, config.hyper_layers) < 1 or config.modality_layers < 0:
            raise ConfigError(
                f"hyperedges={config.hyperedges} and hyper_layers={config.hyper_layers} take at least 1, "
                f"modality_layers={config.modality_layers} at least 0"
            )
        self.config = config
        self.modalities = data.modalities
        self.user = embedding(data.num_users, config.dim)
        self.item = embedding(data.num_items, config.dim)
        self.project = nn.ModuleDict()
        self.hyperedge = nn.ModuleDict()
        for m, x in data.features.items():
            self.register_buffer(f"x_{m}", standardize(x, data.missing[m]), persistent=False)
            self.register_buffer(f"has_{m}", (~data.missing[m]).unsqueeze(1).float(), persistent=False)
            self.project[m] = nn.Linear(x.size(1), config.dim, bias=False)
            self.hyperedge[m] = nn.Linear(x.size(1), config.hyperedges, bias=False)
        self.graph = bipartite_graph(data.train_edges, data.num_users, data.num_items)
        self.interactions = self.graph.with_weight(torch.ones_like(self.graph.weight))
        self.mean = row_normalize(self.interactions)
        self.propagation = LightGCNPropagation(config.num_layers)
        self.generator: torch.Generator | None = None

    def begin_epoch(self, generator: torch.Generator) -> None:
        """Keeps the generator for the noise and dropout of the epoch."""
        self.generator = generator

    def forward(self) -> Branches:
        """One branch per modality, ``"id"`` and ``"fused"``, each |U|×d and |I|×d."""
        users, items, extra = {}, {}, {}
        user, item = self.propagation((self.user, self.item), self.graph)
        for m in self.modalities:
            users[m], items[m] = self._local(m)
            extra[f"user_{m}"], extra[f"item_{m}"] = self._global(m, item)
        users["id"], items["id"] = user, item
        total_user = torch.stack([extra[f"user_{m}"] for m in self.modalities]).sum(dim=0)
        total_item = torch.stack([extra[f"item_{m}"] for m in self.modalities]).sum(dim=0)
        alpha = self.config.alpha
        users[FUSED] = torch.stack(list(users.values())).sum(dim=0) + alpha * F.normalize(total_user, dim=1)
        items[FUSED] = torch.stack(list(items.values())).sum(dim=0) + alpha * F.normalize(total_item, dim=1)
        return Branches(users, items, self.modalities, extra=extra)

    def losses(self, branches: Branches, users: Tensor, positives: Tensor, negatives: Tensor) -> dict[str, Tensor]:
        """``contrast``: InfoNCE between global embeddings, a mean over pairs of modalities; none with one modality."""
        terms = [
            infonce_loss(
                branches.extra[f"{side}_{one}"].index_select(0, ids),
                branches.extra[f"{side}_{other}"].index_select(0, ids),
                self.config.temperature,
                both=False,
            )
            for side, ids in (("user", users.unique()), ("item", positives.unique()))
            for one, other in combinations(self.modalities, 2)
        ]
        return {"contrast": self.config.contrast * 2 * torch.stack(terms).mean()} if terms else {}

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """User and item vectors of the batch, before propagation."""
        return [self.user.index_select(0, users), self.item.index_select(0, items)]

    def _local(self, m: str) -> tuple[Tensor, Tensor]:
        item = self.project[m](getattr(self, f"x_{m}"))
        user = self.mean @ item
        for _ in range(self.config.modality_layers):
            user, item = self.graph @ item, self.graph.t() @ user
        return F.normalize(user, dim=1), F.normalize(item, dim=1)

    def _global(self, m: str, item: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.hyperedge[m](getattr(self, f"x_{m}"))
        has: Tensor = getattr(self, f"has_{m}")
        # Without the mask, logits of 0 would put an item on all hyperedges alike, or on random ones in training.
        item_edges, user_edges = self._assign(logits) * has, self._assign(self.interactions @ logits)
        user = item
        for _ in range(self.config.hyper_layers):
            edges = item_edges.t() @ item
            user, item = user_edges @ edges, item_edges @ edges
        return user, item

    def _assign(self, logits: Tensor) -> Tensor:
        if not self.training:
            return (logits / self.config.temperature).softmax(dim=1)
        noise = torch.rand(logits.shape, generator=self.generator).logit(eps=1e-6).to(logits)
        weights = ((logits + noise) / self.config.temperature).softmax(dim=1)
        return dropout(weights, 1 - self.config.keep, self.generator)
