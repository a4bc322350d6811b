"""ItemKNN by content: items that look or read like those of the user's history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import SparseGraph, knn_graph
from brmrs_graph.models.base import Recommender, check_modality_names
from brmrs_graph.models.registry import register_model
from brmrs_graph.sparse_branches import SparseBranches


@dataclass(frozen=True)
class ContentKNNConfig:
    """Options of :class:`ContentKNN`."""

    k: int = 50
    """Neighbours per item and modality."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Weight of each modality in the fused score, as NAME WEIGHT NAME WEIGHT (default: 1 / number of modalities)."""


@register_model("contentknn", ContentKNNConfig)
class ContentKNN(Recommender):
    r"""Adds up the cosines of an item to the user's items among its k nearest neighbours; nothing is learned.

    .. math::
        s_m(u, i) = \sum_{j \in N_k^m(i) \cap I_u} \max(\cos(x_i^m, x_j^m), 0), \qquad
        s(u, i) = \sum_m w_m s_m(u, i)

    The content-based form of ItemKNN (Sarwar et al., WWW 2001), one branch per modality. Items that lack a modality
    score 0 in it.

    Raises:
        DataError: If the data set has no modalities.
        ConfigError: If an option is out of range.
    """

    needs_content = True
    averages = True

    def __init__(self, data: MultimodalDataset, config: ContentKNNConfig) -> None:
        super().__init__()
        data.require_content("contentknn")
        check_modality_names(data.modalities)
        if unknown := set(config.weights) - set(data.modalities):
            raise ConfigError(f"weights name {', '.join(sorted(unknown))}, but the modalities are {data.modalities}")
        self.modalities = data.modalities
        self.history = SparseGraph.from_scipy(data.train)
        mixed = 0
        for m, x in data.features.items():
            graph = knn_graph(x, config.k, missing=data.missing[m])
            setattr(self, f"neighbors_{m}", graph.with_weight(graph.weight.clamp(min=0)))
            mixed += config.weights.get(m, 1.0 / len(data.modalities)) * getattr(self, f"neighbors_{m}").to_scipy()
        self.neighbors_fused = SparseGraph.from_scipy(mixed)

    def forward(self) -> Branches:
        """A branch of sparse vectors per modality, and their weighted sum."""
        names = (*self.modalities, FUSED)
        neighbors = {name: getattr(self, f"neighbors_{name}") for name in names}
        return SparseBranches(dict.fromkeys(names, self.history), neighbors, self.modalities)
