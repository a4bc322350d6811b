"""REARM-style disentanglement: modality-specific branches held apart by orthogonality, and a shared branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.data.features import standardize
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import SparseGraph, bipartite_graph, item_graph, knn_graph, overlap_graph, row_normalize
from brmrs_graph.losses import infonce_loss, subspace_loss
from brmrs_graph.models.base import Recommender, check_modality_names, embedding
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import ConcatFusion, ItemGraphPropagation, LightGCNPropagation, LowRankMetaNetwork

SHARED = "shared"


@dataclass(frozen=True)
class REARMConfig:
    """Options of :class:`REARM`."""

    dim: int = 64
    """Width d of each branch."""
    num_layers: int = 4
    """Layers L over the user-item graph."""
    item_layers: int = 1
    """Layers over the item graph."""
    user_layers: int = 1
    """Layers over the user graph."""
    k: int = 10
    """Neighbours per item in each part of the item graph."""
    user_k: int | None = None
    """Neighbours per user in each part of the user graph (default: as for items)."""
    item_overlap: float = 0.2
    """Share of co-occurrence in the item graph, 0 to 1; the rest is similarity."""
    user_overlap: float = 0.4
    """Share of co-occurrence in the user graph, 0 to 1; the rest is similarity of interests."""
    beta: Mapping[str, float] = field(default_factory=dict)
    """Weight of each modality in the item graph, as NAME WEIGHT NAME WEIGHT (default: 1 / number of modalities)."""
    user_beta: Mapping[str, float] = field(default_factory=dict)
    """The same for the user graph."""
    rank: int = 3
    """Rank of the meta-network's transformations."""
    contrast: float = 1e-3
    """Weight of the contrast between modalities."""
    temperature: float = 0.6
    """Temperature τ of that loss."""
    orthogonality: float = 0.05
    """Weight of the orthogonality of the modalities' subspaces."""


@register_model("rearm", REARMConfig)
class REARM(Recommender):
    r"""Modality-specific and modality-shared branches over homogeneous and user-item graphs.

    In the style of "Refining Contrastive Learning and Homography Relations for Multi-Modal Recommendation" (Ma et al.,
    MM 2025), users and items alike; :math:`x_u^m` is the mean over a user's items, S mixes co-occurrence and
    similarity:

    .. math::
        [z; z^v; z^t; \ldots] &= \mathrm{normalize}(S^{L'} [e; W_v x^v; W_t x^t; \ldots]), \\
        E &= \mathrm{LightGCN}(z), \qquad F^m = \mathrm{LightGCN}([\phi(z_U^m); \phi(\mathrm{LN}(z_I^m))]), \\
        Y^m &= \phi(F^m) + E, \qquad Y^{shared} = \phi(\mathrm{Meta}(E \mid F^v, F^t, \ldots)) + E

    with PReLU :math:`\phi`, layer norm LN and :class:`~brmrs_graph.nn.LowRankMetaNetwork`. The concatenation of all Y
    ranks: scores add up. Losses of its own, users plus items: InfoNCE between :math:`F^v` and :math:`F^t` (what
    modalities share) and orthogonality of the subspaces that these span (what is specific), means over pairs of
    modalities.

    Branches: each modality (:math:`Y^m`) and ``"shared"``. Since E is in all of them, a modality's branch is content
    *and* behaviour, as in the paper.

    What is left out: the paper's attention among the d entries of an item's vector, within and across modalities (d²
    numbers per item and attention); the layer norm that follows it stays, once. What is otherwise: the orthogonality
    does not grow with the batch of N (see :func:`~brmrs_graph.losses.subspace_loss`; a published weight is to be
    multiplied by N² / d²); co-occurrence is Jaccard overlap, similarity is binary, and both are row-normalised;
    features and interests are constants, and free vectors start as in the other models here; the meta-network learns
    what it knows of the modalities, which the published code prevents. Items that lack a modality, and users all of
    whose items do, start from zero in it.
    """

    needs_content = True
    revision = 1

    def __init__(self, data: MultimodalDataset, config: REARMConfig) -> None:
        super().__init__()
        data.require_content("rearm")
        check_modality_names(data.modalities)
        if SHARED in data.modalities:
            raise ConfigError(f"a modality cannot be called '{SHARED}'; rename its file {SHARED}_feat.npy")
        if not 0 <= config.item_overlap <= 1 or not 0 <= config.user_overlap <= 1 or not config.temperature > 0:
            raise ConfigError(
                f"item_overlap={config.item_overlap} and user_overlap={config.user_overlap} must lie in [0, 1], "
                f"temperature={config.temperature} above 0"
            )
        if unknown := ({*config.beta, *config.user_beta} - set(data.modalities)):
            raise ConfigError(
                f"beta and user_beta name {', '.join(sorted(unknown))}, but the modalities are {data.modalities}"
            )
        self.config = config
        self.modalities = data.modalities
        dim, widths = config.dim, {m: x.size(1) for m, x in data.features.items()}
        self.free = nn.ParameterDict(
            [("user", embedding(data.num_users, dim)), ("item", embedding(data.num_items, dim))]
        )
        self.project = nn.ModuleDict(
            {f"{side}_{m}": nn.Linear(d, dim) for side in ("user", "item") for m, d in widths.items()}
        )
        self.meta = nn.ModuleDict(
            {side: LowRankMetaNetwork(dim, dim * len(widths), config.rank) for side in ("user", "item")}
        )
        self.activation = nn.PReLU()
        self.norm = nn.LayerNorm(dim)

        self.graph = bipartite_graph(data.train_edges, data.num_users, data.num_items)
        interests = row_normalize(self.graph.with_weight(torch.ones_like(self.graph.weight)))
        user_features = {}
        for m, x in data.features.items():
            item, has = standardize(x, data.missing[m]), (~data.missing[m]).unsqueeze(1).float()
            user_features[m] = interests @ item
            self.register_buffer(f"x_item_{m}", item, persistent=False)
            self.register_buffer(f"x_user_{m}", user_features[m], persistent=False)
            self.register_buffer(f"has_item_{m}", has, persistent=False)
            known = (interests @ has > 0) | (self.graph.degree() == 0).unsqueeze(1)
            self.register_buffer(f"has_user_{m}", known.float(), persistent=False)
        similar = item_graph(
            {m: knn_graph(x, config.k, loop=True, missing=data.missing[m]) for m, x in data.features.items()},
            config.beta,
        )
        self.item_graph = _mix(overlap_graph(data.train.T.tocsr(), config.k), similar, config.item_overlap)
        user_k = config.k if config.user_k is None else config.user_k
        similar = item_graph({m: knn_graph(x, user_k, loop=True) for m, x in user_features.items()}, config.user_beta)
        self.user_graph = _mix(overlap_graph(data.train, user_k), similar, config.user_overlap)
        self.propagation = LightGCNPropagation(config.num_layers)
        self.item_smoothing = ItemGraphPropagation(config.item_layers)
        self.user_smoothing = ItemGraphPropagation(config.user_layers)
        self.fusion = ConcatFusion()

    def forward(self) -> Branches:
        """One branch per modality and ``"shared"``, each |U|×d and |I|×d, and their concatenation."""
        start = [
            F.normalize(self.user_smoothing(self._raw("user"), self.user_graph), dim=1),
            F.normalize(self.item_smoothing(self._raw("item"), self.item_graph), dim=1),
        ]
        dim = self.config.dim
        start[1] = torch.cat([start[1][:, :dim], *map(self._normalized, start[1][:, dim:].split(dim, dim=1))], dim=1)
        start = [torch.cat([x[:, :dim], self.activation(x[:, dim:])], dim=1) for x in start]
        tables: list[dict[str, Tensor]] = []
        extra: dict[str, Tensor] = {}
        for side, x in zip(("user", "item"), self.propagation((start[0], start[1]), self.graph), strict=True):
            behaviour, content = x[:, :dim], x[:, dim:]
            vectors = dict(zip(self.modalities, content.split(dim, dim=1), strict=True))
            extra |= {f"{side}_{m}": vector for m, vector in vectors.items()}
            vectors[SHARED] = self.meta[side](behaviour, content)
            tables.append({name: self.activation(vector) + behaviour for name, vector in vectors.items()})
        return Branches(tables[0], tables[1], self.modalities, self.fusion, extra)

    def losses(self, branches: Branches, users: Tensor, positives: Tensor, negatives: Tensor) -> dict[str, Tensor]:
        """``contrast`` and ``orthogonality`` between modalities on the batch; none with one modality."""
        views = [
            [branches.extra[f"{side}_{m}"].index_select(0, ids) for m in pair]
            for side, ids in (("user", users.unique()), ("item", positives.unique()))
            for pair in combinations(self.modalities, 2)
        ]
        if not views:
            return {}
        contrast = torch.stack([infonce_loss(a, b, self.config.temperature, both=False) for a, b in views])
        orthogonality = torch.stack([subspace_loss(a, b) for a, b in views])
        return {
            "contrast": self.config.contrast * 2 * contrast.mean(),
            "orthogonality": self.config.orthogonality * 2 * orthogonality.mean(),
        }

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """Free user and item vectors of the batch."""
        return [self.free["user"].index_select(0, users), self.free["item"].index_select(0, items)]

    def _normalized(self, x: Tensor) -> Tensor:
        # Items that neither have a modality nor neighbours that do stay at zero, and get no bias.
        normalized: Tensor = self.norm(x)
        return normalized * (x != 0).any(dim=1, keepdim=True)

    def _raw(self, side: str) -> Tensor:
        # The mask keeps the bias, which is what the projection makes of the mean item, from those that lack content.
        content = [
            self.project[f"{side}_{m}"](getattr(self, f"x_{side}_{m}")) * getattr(self, f"has_{side}_{m}")
            for m in self.modalities
        ]
        return torch.cat([self.free[side], *content], dim=1)


def _mix(overlap: SparseGraph, similar: SparseGraph, share: float) -> SparseGraph:
    mixed = share * row_normalize(overlap).to_scipy() + (1 - share) * similar.to_scipy()
    # A node with no neighbour of either kind keeps its own vector.
    alone = np.asarray(mixed.sum(axis=1)).ravel() == 0
    return SparseGraph.from_scipy(mixed + sp.diags(alone.astype(np.float32)))
