"""PGL: propagation over a principal subgraph in training, over the whole graph in ranking."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import bipartite_graph, prune_edges
from brmrs_graph.losses import infonce_loss
from brmrs_graph.models.base import ItemPaths, Recommender, embedding
from brmrs_graph.models.content import ContentProjection
from brmrs_graph.models.frozen import FrozenGraphConfig, frozen_item_graph
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import ConcatFusion, ItemGraphPropagation, LightGCNPropagation, dropout


@dataclass(frozen=True)
class PGLConfig(FrozenGraphConfig):
    """Options of :class:`PGL`."""

    edge_keep: float = 0.3
    """Share of edges in the principal subgraph of an epoch, in (0, 1]."""
    contrast: float = 0.1
    """Weight λ of the contrast between dropout twins."""
    dropout: float = 0.1
    """Dropout that makes the twins."""
    temperature: float = 0.2
    """Temperature τ of the contrast."""


@register_model("pgl", PGLConfig)
class PGL(Recommender):
    r"""Modality channels without item IDs, trained on a principal subgraph.

    From "Mind Individual Information! Principal Graph Learning for Multimedia Recommendation" (Yu et al., AAAI 2025).
    With free user vectors :math:`p_u^m` and :math:`h_i^m = W_m x_i^m + b_m`, scaled to length 1:

    .. math::
        [P^m; Q^m] &= \mathrm{LightGCN}_{G'}([p^m; h^m]), \qquad Q^m \mathrel{+}= A_{mm}^{L_{mm}} h^m, \\
        s(u, i) &= \langle \Vert_m P_u^m, \Vert_m Q_i^m \rangle = \sum_m \langle P_u^m, Q_i^m \rangle

    :math:`A_{mm}` is the frozen item graph of FREEDOM. In training :math:`G'` is a principal subgraph of the local
    kind, drawn anew every epoch (see :func:`~brmrs_graph.graphs.prune_edges`); in ranking it is the whole graph. The
    model's own loss is InfoNCE between two dropout views of the concatenated vectors, the mean of users' and items'.

    Branches: each modality; ``"fused"`` is the sum of their scores.

    The paper's global kind of subgraph (a truncated singular value decomposition) is not here: the local one has the
    better published results. Features are constants (the published code tunes them), and the contrast is against the
    distinct users and items of a batch.
    """

    needs_content = True

    def __init__(self, data: MultimodalDataset, config: PGLConfig) -> None:
        super().__init__()
        data.require_content("pgl")
        if not 0 < config.edge_keep <= 1 or not 0 <= config.dropout < 1 or not config.temperature > 0:
            raise ConfigError(
                f"edge_keep={config.edge_keep} must lie in (0, 1], dropout={config.dropout} in [0, 1) and "
                f"temperature={config.temperature} above 0"
            )
        self.config = config
        self.modalities = data.modalities
        self.content = ContentProjection(data, config.dim)
        # Pairs, because ParameterDict would sort a dict, and branches keep the order of the modalities.
        self.user = nn.ParameterDict([(m, embedding(data.num_users, config.dim)) for m in self.modalities])
        self.graph = bipartite_graph(data.train_edges, data.num_users, data.num_items)
        self.train_graph = self.graph
        self.item_graph = frozen_item_graph(data, config.k, config.beta)
        self.propagation = LightGCNPropagation(config.num_layers)
        self.smoothing = ItemGraphPropagation(config.item_layers)
        self.fusion = ConcatFusion()
        self.generator: torch.Generator | None = None

    def begin_epoch(self, generator: torch.Generator) -> None:
        """Draws the principal subgraph and keeps the generator for the twins."""
        self.generator = generator
        if self.config.edge_keep < 1:
            self.train_graph = prune_edges(self.graph, self.config.edge_keep, generator)

    def forward(self) -> Branches:
        """One branch per modality, each |U|×d and |I|×d, added up by the fused one."""
        graph = self.train_graph if self.training else self.graph
        users, items = {}, {}
        for m, content in self.content().items():
            item = F.normalize(content, dim=1)
            users[m], items[m] = self.propagation((self.user[m], item), graph)
            items[m] = items[m] + self.smoothing(item, self.item_graph)
        return Branches(users, items, self.modalities, self.fusion)

    def losses(self, branches: Branches, users: Tensor, positives: Tensor, negatives: Tensor) -> dict[str, Tensor]:
        """``contrast``: InfoNCE between dropout twins of the fused vectors."""
        if not self.config.contrast:
            return {}
        sides = branches.vectors(FUSED, users.unique(), positives.unique())
        temperature = self.config.temperature
        contrast = [infonce_loss(self._drop(x), self._drop(x), temperature, both=False) for x in sides]
        return {"contrast": self.config.contrast * torch.stack(contrast).mean()}

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """The free user vectors of the batch."""
        return [user.index_select(0, users) for user in self.user.values()]

    def item_paths(self) -> ItemPaths | None:
        """Smoothed content vectors; None without item layers."""
        if not self.config.item_layers:
            return None
        vectors = {m: F.normalize(content, dim=1) for m, content in self.content().items()}
        items = {m: self.smoothing.last_input(item, self.item_graph) for m, item in vectors.items()}
        return ItemPaths(self.item_graph, items | {FUSED: self.fusion.fuse_items(items)})

    def _drop(self, x: Tensor) -> Tensor:
        return dropout(x, self.config.dropout, self.generator)
