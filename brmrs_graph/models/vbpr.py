"""VBPR: matrix factorisation with content factors."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.data.features import standardize
from brmrs_graph.models.base import Recommender, check_modality_names, embedding
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import ConcatFusion


@dataclass(frozen=True)
class VBPRConfig:
    """Options of :class:`VBPR`."""

    dim: int = 64
    """Width d of the ID vectors and of each modality's vectors."""


@register_model("vbpr", VBPRConfig)
class VBPR(Recommender):
    r"""Adds a content term per modality to matrix factorisation.

    .. math::
        s(u, i) = \langle p_u, q_i \rangle + \sum_m \langle \theta_u^m, E_m x_i^m \rangle

    From "VBPR: Visual Bayesian Personalized Ranking from Implicit Feedback" (He and McAuley, AAAI 2016), which has one
    modality. Each term is a branch, the free one being ``"id"``. The paper's biases, of an item and of its features,
    are left out, as they are in MMRec. Features are standardised and then scaled to length 1 for each item: of length
    :math:`\sqrt{d_m}`, they drown the free vectors.
    """

    needs_content = True
    revision = 1

    def __init__(self, data: MultimodalDataset, config: VBPRConfig) -> None:
        super().__init__()
        data.require_content("vbpr")
        check_modality_names(data.modalities)
        self.modalities = data.modalities
        names = ("id", *self.modalities)
        # Pairs, because ParameterDict would sort a dict, and branches keep the order of the modalities.
        self.user = nn.ParameterDict([(name, embedding(data.num_users, config.dim)) for name in names])
        self.item = embedding(data.num_items, config.dim)
        self.project = nn.ModuleDict(
            {m: nn.Linear(x.size(1), config.dim, bias=False) for m, x in data.features.items()}
        )
        for m, x in data.features.items():
            self.register_buffer(f"x_{m}", F.normalize(standardize(x, data.missing[m]), dim=1), persistent=False)
        self.fusion = ConcatFusion()

    def forward(self) -> Branches:
        """The branches ``"id"`` and one per modality, each |U|×d and |I|×d, added up by the fused one."""
        items = {"id": self.item} | {m: self.project[m](getattr(self, f"x_{m}")) for m in self.modalities}
        return Branches(dict(self.user.items()), items, self.modalities, self.fusion)

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """All user vectors, the ID vectors of the items, and the projections, which the paper regularises as well."""
        projections = [layer.weight for layer in self.project.values()]
        return [
            *projections,
            *(self.user[m].index_select(0, users) for m in self.user),
            self.item.index_select(0, items),
        ]
