"""Late fusion: one LightGCN per modality, trained apart, whose scores are put together at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brmrs_graph.branches import FUSED, Branches, PairScores
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import bipartite_graph, knn_graph, row_normalize
from brmrs_graph.losses import bpr_loss
from brmrs_graph.models.base import Recommender, embedding
from brmrs_graph.models.content import ContentProjection
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import ConcatFusion, ItemGraphPropagation, LightGCNPropagation


@dataclass(frozen=True)
class LateFusionConfig:
    """Options of :class:`LateFusion`."""

    dim: int = 64
    """Width d of each modality's vectors."""
    num_layers: int = 2
    """Layers L of propagation over the user-item graph."""
    item_layers: int = 0
    """Layers of smoothing over each modality's own item graph; 0 switches it off."""
    k: int = 10
    """Nearest neighbours per item in the item graphs."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Weight of each modality's scores, scaled to sum to 1, as NAME WEIGHT NAME WEIGHT (default: all alike)."""
    learn_weights: bool = False
    """Learns the weights, starting from these."""


@register_model("latefusion", LateFusionConfig)
class LateFusion(Recommender):
    r"""Independent unimodal LightGCNs, and a weighted mean of their scores.

    The control without any exchange between modalities. For each modality m, with free user vectors :math:`p_u^m`:

    .. math::
        h_i^m &= (W_m x_i^m + b_m) / \lVert W_m x_i^m + b_m \rVert, \qquad
        [P^m; Q^m] = \mathrm{LightGCN}([p^m; h^m]), \\
        s_m(u, i) &= \langle P_u^m, Q_i^m \rangle, \qquad s(u, i) = \sum_m w_m s_m(u, i), \quad \sum_m w_m = 1

    Each modality has the loss BPR on its own scores, ``unimodal`` being their sum; the learned weights (a softmax) have
    BPR on the fused score, ``weights``. The fused score is cut off from the branches: no gradient leads from it into
    them, under any objective. With ``item_layers`` each modality adds :math:`A_m h^m` over its own row-normalised kNN
    graph to :math:`Q^m`, as :class:`~brmrs_graph.models.BRMRS` does over the mixed one.

    Branches: each modality; ``"fused"`` is their weighted mean.
    """

    needs_content = True
    averages = True
    default_objective = "own"

    def __init__(self, data: MultimodalDataset, config: LateFusionConfig) -> None:
        super().__init__()
        data.require_content("latefusion")
        self.config = config
        self.modalities = data.modalities
        self.content = ContentProjection(data, config.dim)
        # Pairs, because ParameterDict would sort a dict, and branches keep the order of the modalities.
        self.user = nn.ParameterDict([(m, embedding(data.num_users, config.dim)) for m in self.modalities])
        self.fusion = _WeightedMean(self.modalities, config.weights, config.learn_weights)
        self.graph = bipartite_graph(data.train_edges, data.num_users, data.num_items)
        if config.item_layers:
            for m, x in data.features.items():
                graph = knn_graph(x, config.k, missing=data.missing[m])
                graph = row_normalize(graph.with_weight(torch.ones_like(graph.weight)))
                setattr(self, f"item_graph_{m}", graph)
        self.propagation = LightGCNPropagation(config.num_layers)
        self.smoothing = ItemGraphPropagation(config.item_layers)

    def forward(self) -> Branches:
        """One branch per modality, each |U|×d and |I|×d, and the fused one."""
        users, items = {}, {}
        for m, content in self.content().items():
            item = F.normalize(content, dim=1)
            users[m], items[m] = self.propagation((self.user[m], item), self.graph)
            if self.config.item_layers:
                items[m] = items[m] + self.smoothing(item, getattr(self, f"item_graph_{m}"))
        return Branches(users, items, self.modalities, self.fusion)

    def losses(self, branches: Branches, users: Tensor, positives: Tensor, negatives: Tensor) -> dict[str, Tensor]:
        """``unimodal``: BPR on each branch, added up; with learned weights ``weights``: BPR on the fused score."""
        scores = PairScores(branches, users, torch.stack([positives, negatives], dim=1))
        margins = {name: scores[name][:, 0] - scores[name][:, 1] for name in branches.names}
        terms = {"unimodal": torch.stack([bpr_loss(margins[m]) for m in self.modalities]).sum()}
        if self.config.learn_weights:
            terms["weights"] = bpr_loss(margins[FUSED])
        return terms

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """The free user vectors of the batch."""
        return [user.index_select(0, users) for user in self.user.values()]


class _WeightedMean(ConcatFusion):
    """A weighted mean of scores that leaves the branches alone."""

    averages = True

    def __init__(self, modalities: tuple[str, ...], weights: Mapping[str, float], learn: bool) -> None:
        super().__init__()
        if unknown := set(weights) - set(modalities):
            raise ConfigError(f"weights name {', '.join(sorted(unknown))}, but the modalities are {modalities}")
        start = torch.tensor([weights.get(m, 1.0) for m in modalities])
        if not bool((start >= (1e-6 if learn else 0)).all()) or not float(start.sum()) > 0:
            raise ConfigError(f"the weights {dict(weights)} must not be negative, and above 0 where they are learned")
        if learn:
            self.logits = nn.Parameter(start.log())
        else:
            self.register_buffer("fixed", start / start.sum(), persistent=False)
        self.learn = learn

    def weights(self) -> Tensor:
        """The weights of the modalities; they sum to 1."""
        weights = self.logits.softmax(dim=0) if self.learn else self.fixed
        assert isinstance(weights, Tensor)
        return weights

    def combine(self, scores: Mapping[str, Tensor], users: Mapping[str, Tensor]) -> Tensor:
        """The weighted mean of scores."""
        return torch.stack([score.detach() for score in scores.values()], dim=-1) @ self.weights()

    def fuse_users(self, users: Mapping[str, Tensor]) -> Tensor:
        """Scales each branch by its weight and concatenates, N×Σd_b."""
        weights = self.weights().unbind()
        return torch.cat([w * x.detach() for w, x in zip(weights, users.values(), strict=True)], dim=-1)

    def fuse_items(self, items: Mapping[str, Tensor]) -> Tensor:
        """Concatenates, N×Σd_b."""
        return super().fuse_items(items).detach()
