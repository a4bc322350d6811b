"""Matrix factorisation trained by BPR."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models.base import Recommender, embedding
from brmrs_graph.models.registry import register_model


@dataclass(frozen=True)
class BPRMFConfig:
    """Options of :class:`BPRMF`."""

    dim: int = 64
    """Width d of the embeddings."""


@register_model("bprmf", BPRMFConfig)
class BPRMF(Recommender):
    r"""Scores :math:`s(u,i) = \langle p_u, q_i \rangle` with free vectors (Rendle et al., UAI 2009)."""

    def __init__(self, data: MultimodalDataset, config: BPRMFConfig) -> None:
        super().__init__()
        self.user = embedding(data.num_users, config.dim)
        self.item = embedding(data.num_items, config.dim)

    def forward(self) -> Branches:
        """One branch, |U|×d and |I|×d."""
        return Branches({FUSED: self.user}, {FUSED: self.item})

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """User and item vectors of the batch."""
        return [self.user.index_select(0, users), self.item.index_select(0, items)]
