"""ItemKNN: items like those of the user's history, by who bought them."""

from __future__ import annotations

from dataclasses import dataclass

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import SparseGraph, overlap_graph
from brmrs_graph.models.base import Recommender
from brmrs_graph.models.registry import register_model
from brmrs_graph.sparse_branches import SparseBranches


@dataclass(frozen=True)
class ItemKNNConfig:
    """Options of :class:`ItemKNN`."""

    k: int = 200
    """Neighbours per item."""
    shrink: float = 10.0
    """Shrinkage h of similarities that rest on few users."""


@register_model("itemknn", ItemKNNConfig)
class ItemKNN(Recommender):
    r"""Adds up the similarities of an item to the user's items among its k nearest neighbours; nothing is learned.

    .. math::
        s(u, i) = \sum_{j \in N_k(i) \cap I_u} s_{ij}, \qquad s_{ij} = \frac{|U_i \cap U_j|}{\sqrt{|U_i| |U_j|} + h}

    From "Item-based Collaborative Filtering Recommendation Algorithms" (Sarwar et al., WWW 2001), which has h = 0, for
    implicit feedback. The only branch is ``"fused"``; no item content is used.

    Raises:
        ConfigError: If an option is out of range.
    """

    def __init__(self, data: MultimodalDataset, config: ItemKNNConfig) -> None:
        super().__init__()
        if config.k < 1 or config.shrink < 0:
            raise ConfigError(f"k={config.k} must be at least 1 and shrink={config.shrink} at least 0")
        self.history = SparseGraph.from_scipy(data.train)
        self.neighbors = overlap_graph(data.train.T.tocsr(), config.k, measure="cosine", shrink=config.shrink)

    def forward(self) -> Branches:
        """One branch of sparse vectors: the training interactions of users, the neighbours of items."""
        return SparseBranches({FUSED: self.history}, {FUSED: self.neighbors})
