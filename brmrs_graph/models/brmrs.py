"""The graph recommender of BR-MRS: one LightGCN channel per modality, item-graph smoothing, score fusion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.data.features import standardize
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import (
    Graph,
    SparseGraph,
    drop_edges,
    item_graph,
    knn_graph,
    overlap_graph,
    row_normalize,
)
from brmrs_graph.models.base import ItemPaths, Recommender, check_modality_names
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import ItemGraphPropagation, LightGCNPropagation, make_fusion

DEFAULT_BETA = {"visual": 0.3, "textual": 0.7}


@dataclass(frozen=True)
class BRMRSConfig:
    """Options of :class:`BRMRS`."""

    dim: int = 64
    """Width d of each branch."""
    modalities: tuple[str, ...] = ()
    """Modalities used (default: all that the data set has)."""
    fusion: str = "concat"
    """How branch scores become one: concat (their sum), mean, gate (weights by user) or mlp."""
    gate_scale: float | None = None
    """Factor of the gated sum (default: the number of branches)."""
    id_channel: bool = False
    """Adds a branch of free item vectors."""
    num_layers: int = 2
    """Layers of propagation over the user-item graph."""
    item_layers: int = 1
    """Layers of smoothing over the item graph; 0 switches it off."""
    k: int = 10
    """Nearest neighbours per item and modality in the item graph."""
    beta: Mapping[str, float] = field(default_factory=dict)
    """Weight of each modality in the item graph, as NAME WEIGHT NAME WEIGHT (default: visual 0.3, textual 0.7, any
    other 1 / number of modalities)."""
    alpha: float = 0.0
    """Share of co-purchase overlap in the item graph, 0 to 1."""
    user_layers: int = 0
    """Layers of smoothing over the graph of users with overlapping histories; 0 switches it off."""
    edge_keep: float = 1.0
    """Share of training edges kept in each epoch's propagation, in (0, 1]; evaluation uses all."""


@register_model("brmrs", BRMRSConfig)
class BRMRS(Recommender):
    r"""Modality-specific and fused embeddings by propagation over user-item and item graphs.

    For each modality m, with item features :math:`x_i^m`:

    .. math::
        h_i^m &= \phi_m(x_i^m) / \lVert \phi_m(x_i^m) \rVert, \\
        [P^m; Q^m] &= \mathrm{LightGCN}([p^m; h^m]), \qquad Q^m \mathrel{+}= A_{mm}^{L'} h^m, \\
        s_m(u, i) &= \langle P_u^m, Q_i^m \rangle

    with free user vectors :math:`p_u^m`, linear :math:`\phi_m` and the mixed kNN item graph :math:`A_{mm}` (see
    :func:`~brmrs_graph.graphs.item_graph`). Items that lack a modality start from zero and get what their
    neighbours have. With ``user_layers``, user vectors smoothed over the graph of overlapping histories are added to
    :math:`P^m` likewise. The fused score combines the branches' scores (see :mod:`brmrs_graph.nn.fusion`).

    Args:
        data: Training interactions and features.
        config: Options.

    Raises:
        DataError: If the data set has none of the modalities.
        ConfigError: If an option is out of range.
    """

    needs_content = True
    default_objective = "default"

    def __init__(self, data: MultimodalDataset, config: BRMRSConfig) -> None:
        super().__init__()
        data.require_content("brmrs")
        if config.modalities:
            data = data.only(config.modalities)
        if not 0 < config.edge_keep <= 1 or not 0 <= config.alpha <= 1:
            raise ConfigError(f"edge_keep={config.edge_keep} must lie in (0, 1] and alpha={config.alpha} in [0, 1]")
        unknown = set(config.beta) - set(data.modalities)
        if unknown:
            raise ConfigError(f"beta names {', '.join(sorted(unknown))}, but the modalities are {data.modalities}")
        self.config = config
        check_modality_names(data.modalities)
        self.modalities = data.modalities
        names = (*self.modalities, "id") if config.id_channel else self.modalities
        # Pairs, because ParameterDict would sort a dict, and branches keep the order of the modalities.
        self.user = nn.ParameterDict([(name, self._user_table(data, config.dim)) for name in names])
        self.item = self._item_table(data, config.dim) if config.id_channel else None
        self.project = nn.ModuleDict({m: nn.Linear(x.size(1), config.dim) for m, x in data.features.items()})
        for m, x in data.features.items():
            self.register_buffer(f"x_{m}", self._standardized(x, data.missing[m]), persistent=False)
            self.register_buffer(f"has_{m}", (~data.missing[m]).unsqueeze(1).float(), persistent=False)
        self.fusion = make_fusion(config.fusion, dict.fromkeys(names, config.dim), config.gate_scale)
        # With an ID branch the mean can exceed the largest margin of the modalities.
        self.averages = self.fusion.averages and not config.id_channel

        self.graph = self._bipartite_graph(data)
        self.train_graph = self.graph
        self.item_graph = self._item_graph(data, config) if config.item_layers else None
        self.user_graph = row_normalize(overlap_graph(data.train, config.k)) if config.user_layers else None
        self.propagation = LightGCNPropagation(config.num_layers)
        self.smoothing = ItemGraphPropagation(config.item_layers)
        self.user_smoothing = ItemGraphPropagation(config.user_layers)

    def begin_epoch(self, generator: torch.Generator) -> None:
        """Drops training edges anew."""
        if self.config.edge_keep < 1:
            self.train_graph = self._thinned(self.graph, self.config.edge_keep, generator)

    def forward(self) -> Branches:
        """One branch per modality (and ``"id"``), each |U|×d and |I|×d, and the fused one."""
        graph = self.train_graph if self.training else self.graph
        users, items = {}, {}
        for name, user in self.user.items():
            item = self._item_vectors(name)
            users[name], items[name] = self.propagation((user, item), graph)
            if self.item_graph is not None:
                items[name] = items[name] + self.smoothing(item, self.item_graph)
            if self.user_graph is not None:
                users[name] = users[name] + self.user_smoothing(user, self.user_graph)
        return Branches(users, items, self.modalities, self.fusion)

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """The free user vectors, and item vectors of the ID branch."""
        rows = [self.user[name].index_select(0, users) for name in self.user]
        return rows if self.item is None else [*rows, self.item.index_select(0, items)]

    def item_paths(self) -> ItemPaths | None:
        """Smoothed content (and ID) vectors; None without item layers, or where the fusion is not linear."""
        if not isinstance(self.item_graph, SparseGraph) or not self.fusion.linear:
            return None
        items = {name: self.smoothing.last_input(self._item_vectors(name), self.item_graph) for name in self.user}
        return ItemPaths(self.item_graph, items | {FUSED: self.fusion.fuse_items(items)})

    def _item_vectors(self, name: str) -> Tensor:
        if name == "id":
            assert self.item is not None
            return self.item
        x: Tensor = getattr(self, f"x_{name}")
        has: Tensor = getattr(self, f"has_{name}")
        return F.normalize(self.project[name](x), dim=1) * has

    def _standardized(self, x: Tensor, missing: Tensor) -> Tensor:
        return standardize(x, missing)

    def _knn_graph(self, x: Tensor, k: int, missing: Tensor) -> SparseGraph:
        return knn_graph(x, k, missing=missing)

    def _item_graph(self, data: MultimodalDataset, config: BRMRSConfig) -> Graph:
        graphs = {m: self._knn_graph(x, config.k, data.missing[m]) for m, x in data.features.items()}
        copurchase = overlap_graph(data.train.T.tocsr(), config.k) if config.alpha else None
        beta = DEFAULT_BETA | dict(config.beta)
        return item_graph(graphs, beta, k=config.k, copurchase=copurchase, alpha=config.alpha)

    def _thinned(self, graph: Graph, keep: float, generator: torch.Generator) -> Graph:
        assert isinstance(graph, SparseGraph)
        return drop_edges(graph, keep, generator)
