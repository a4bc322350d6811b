"""LATTICE: item graphs that are learned from content, one per modality."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import SparseGraph, bipartite_graph, degree_normalize, knn_graph
from brmrs_graph.models.base import Recommender, embedding
from brmrs_graph.models.content import ContentProjection
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import LightGCNPropagation, edge_dot, edge_sum


@dataclass(frozen=True)
class LATTICEConfig:
    """Options of :class:`LATTICE`."""

    dim: int = 64
    """Width d of the embeddings."""
    content_dim: int = 64
    """Width d' to which features are projected for the learned graphs."""
    num_layers: int = 2
    """Layers of propagation over the user-item graph."""
    item_layers: int = 1
    """Layers of propagation over the item graph (L), at least 1."""
    k: int = 10
    """Nearest neighbours per item in the item graphs, the item itself among them."""
    skip: float = 0.9
    """Share λ of the graph of raw features, 0 to 1."""


@register_model("lattice", LATTICEConfig)
class LATTICE(Recommender):
    r"""LightGCN plus ID vectors smoothed over latent item graphs.

    From "Mining Latent Structures for Multimedia Recommendation" (Zhang et al., MM 2021). For each modality, cosines of
    items without the negative ones, the k largest of every row, normalised with their row sums D, are taken twice:
    :math:`\tilde S^m` from the raw features, :math:`\tilde A^m` from :math:`W_m x^m + b_m`. With free vectors p and q:

    .. math::
        A^m &= \lambda \tilde S^m + (1 - \lambda) \tilde A^m, \qquad
        \tilde A^m = D^{-1/2} \hat A^m D^{-1/2}, \qquad A = \sum_m \alpha_m A^m, \quad \alpha = \mathrm{softmax}(a), \\
        h &= A^L q, \qquad [P; Q] = \mathrm{LightGCN}([p; q]), \qquad
        s(u, i) = \langle P_u,\, Q_i + h_i / \lVert h_i \rVert \rangle

    Branches: ``"id"`` (:math:`\langle P_u, Q_i \rangle`) and each modality
    (:math:`\langle P_u, \alpha_m (A^m A^{L-1} q)_i / \lVert h_i \rVert \rangle`: ID vectors seen through the modality's
    graph), of which ``"fused"`` is the sum. There are no losses but the objective's.

    The neighbours in :math:`\tilde A^m` are found anew before every epoch, and before ranking. As in the published code
    its weights send a gradient to :math:`W_m, b_m` in the first step of an epoch and are constants in the others;
    :math:`\alpha` learns in every step (there, in the first only). That code also tunes the raw features, normalises
    the learned graph after mixing the modalities, and averages over rows of the user-item graph with self-loops in the
    place of LightGCN; here it is as in the paper.
    """

    needs_content = True

    def __init__(self, data: MultimodalDataset, config: LATTICEConfig) -> None:
        super().__init__()
        data.require_content("lattice")
        if config.item_layers < 1 or config.content_dim < 1 or not 0 <= config.skip <= 1:
            raise ConfigError(
                f"item_layers={config.item_layers} and content_dim={config.content_dim} must be at least 1 and "
                f"skip={config.skip} lie in [0, 1]"
            )
        self.config = config
        self.modalities = data.modalities
        self.user = embedding(data.num_users, config.dim)
        self.item = embedding(data.num_items, config.dim)
        self.content = ContentProjection(data, config.content_dim)
        self.importance = nn.Parameter(torch.zeros(len(self.modalities)))
        self.graph = bipartite_graph(data.train_edges, data.num_users, data.num_items)
        self.propagation = LightGCNPropagation(config.num_layers)
        for m, x in data.features.items():
            raw = knn_graph(x, config.k, loop=True, missing=data.missing[m])
            setattr(self, f"item_graph_raw_{m}", degree_normalize(raw.with_weight(raw.weight.clamp(min=0))))
        self._learned_from = torch.empty(0)
        self._first_step = True
        self._learn_graphs()

    def begin_epoch(self, generator: torch.Generator) -> None:
        """Finds the neighbours in the learned graphs anew."""
        self._learn_graphs()
        self._first_step = True

    def forward(self) -> Branches:
        """``"id"``, one branch per modality and the fused one, each |U|×d and |I|×d."""
        learned: dict[str, Tensor] = {}
        if not self.training:
            self._learn_graphs()  # parameters may have been loaded since
        elif self._first_step:
            self._first_step = False
            learned = {m: _weights(self._graph("learned", m), x) for m, x in self.content().items()}
        h: Tensor = self.item
        for _ in range(self.config.item_layers):
            parts = self._smooth(h, learned)
            h = torch.stack(list(parts.values())).sum(dim=0)
        length = h.norm(dim=1, keepdim=True).clamp(min=1e-12)
        users, items = self.propagation((self.user, self.item), self.graph)
        tables = {"id": items} | {m: part / length for m, part in parts.items()} | {FUSED: items + h / length}
        return Branches(dict.fromkeys(tables, users), tables, self.modalities)

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """User and item vectors of the batch, before propagation."""
        return [self.user.index_select(0, users), self.item.index_select(0, items)]

    def _smooth(self, h: Tensor, learned: dict[str, Tensor]) -> dict[str, Tensor]:
        """Modality name -> α_m A^m h, with the weights of learned graphs that receive a gradient, if any."""
        skip, parts = self.config.skip, {}
        for m, alpha in zip(self.modalities, self.importance.softmax(dim=0), strict=True):
            graph = self._graph("learned", m)
            smoothed = edge_sum(graph, learned[m], h) if m in learned else graph @ h
            parts[m] = alpha * (skip * (self._graph("raw", m) @ h) + (1 - skip) * smoothed)
        return parts

    @torch.no_grad()
    def _learn_graphs(self) -> None:
        parameters = torch.cat([x.detach().flatten() for x in self.content.parameters()]).cpu()
        if torch.equal(parameters, self._learned_from):
            return
        self._learned_from = parameters
        for m, x in self.content().items():
            graph = knn_graph(x, self.config.k, loop=True, missing=self.content.has(m).squeeze(1) == 0)
            setattr(self, f"item_graph_learned_{m}", graph.with_weight(_weights(graph, x)))

    def _graph(self, kind: str, modality: str) -> SparseGraph:
        graph: SparseGraph = getattr(self, f"item_graph_{kind}_{modality}")
        return graph


def _weights(graph: SparseGraph, x: Tensor) -> Tensor:
    """The normalised weights of a kNN graph as a function of the vectors that it is made from."""
    x = F.normalize(x, dim=1)
    return degree_normalize(graph.with_weight(edge_dot(graph, x, x).clamp(min=0))).weight
