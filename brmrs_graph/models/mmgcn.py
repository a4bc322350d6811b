"""MMGCN: a graph convolution per modality on the user-item graph, tied by ID vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import SparseGraph, row_normalize
from brmrs_graph.models.base import Recommender, embedding
from brmrs_graph.models.content import ContentProjection
from brmrs_graph.models.registry import register_model


@dataclass(frozen=True)
class MMGCNConfig:
    """Options of :class:`MMGCN`."""

    dim: int = 64
    """Width d of all vectors."""
    num_layers: int = 2
    """Layers L."""
    combination: Literal["sum", "concat"] = "sum"
    """How a layer joins what neighbours send with the node's own vector: their sum (g_ele) or concatenation (g_co)."""


@register_model("mmgcn", MMGCNConfig)
class MMGCN(Recommender):
    r"""Aggregates neighbours' content in every modality apart.

    From "MMGCN: Multi-modal Graph Convolution Network for Personalized Recommendation of Micro-video" (Wei et al., MM
    2019). With :math:`\phi` the leaky ReLU, for users (and for items likewise), layer by layer:

    .. math::
        h_m &= \phi\Bigl(\frac{1}{|N_u|} \sum_{i \in N_u} W_{1,m}\, i_m\Bigr), \qquad
        \hat u_m = \phi(W_{2,m}\, u_m) + u_{id}, \\
        u_m' &= \phi(W_{3,m}\, h_m + \hat u_m) \ \text{(sum) or}\ \phi(W_{3,m}\, [h_m; \hat u_m]) \ \text{(concat)}, \\
        u^* &= \sum_m u_m^{(L)}, \qquad s(u, i) = \langle u^*, i^* \rangle

    Items start from their projected features, users from free vectors. There are no losses but the objective's.

    Branches: each modality (:math:`u_m^{(L)}, i_m^{(L)}`) and ``"fused"`` (the sums, whose dot product holds cross
    terms). The ID vectors are part of every branch.

    The paper lets the first layer act on raw features and on user vectors as wide as these; here features are projected
    to d first, as the published code does for wide ones. That code scales the start to length 1, divides the sum over
    modalities by their number, draws most weights from wider distributions (Xavier's) and never trains its ID and user
    vectors, which are no parameters there; here it is as in the paper.
    """

    needs_content = True

    def __init__(self, data: MultimodalDataset, config: MMGCNConfig) -> None:
        super().__init__()
        data.require_content("mmgcn")
        if config.num_layers < 1 or config.combination not in ("sum", "concat"):
            raise ConfigError(
                f"num_layers={config.num_layers} must be at least 1 and combination={config.combination} sum or concat"
            )
        self.modalities = data.modalities
        dim = config.dim
        self.user_id = embedding(data.num_users, dim)
        self.item_id = embedding(data.num_items, dim)
        # Pairs, because ParameterDict would sort a dict, and branches keep the order of the modalities.
        self.user = nn.ParameterDict([(m, embedding(data.num_users, dim)) for m in self.modalities])
        self.content = ContentProjection(data, dim)
        self.layers = nn.ModuleDict(
            {
                m: nn.ModuleList(_Layer(dim, config.combination) for _ in range(config.num_layers))
                for m in self.modalities
            }
        )
        edges = SparseGraph.from_scipy(data.train)
        self.to_users = row_normalize(edges)
        self.to_items = row_normalize(edges.t())

    def forward(self) -> Branches:
        """One branch per modality and the fused one, each |U|×d and |I|×d."""
        users, items = {}, {}
        for m, item in self.content().items():
            user = self.user[m]
            for layer in self.layers[m].children():
                user, item = layer((user, item), (self.to_users, self.to_items), (self.user_id, self.item_id))
            users[m], items[m] = user, item
        for side in (users, items):
            side[FUSED] = torch.stack([side[m] for m in self.modalities]).sum(dim=0)
        return Branches(users, items, self.modalities)

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """ID vectors of users and items, and the users' vectors of each modality."""
        tables = [self.user_id, *self.user.values()]
        return [self.item_id.index_select(0, items), *(table.index_select(0, users) for table in tables)]


class _Layer(nn.Module):
    """One layer of one modality; users and items share its weights."""

    def __init__(self, dim: int, combination: str) -> None:
        super().__init__()
        self.message = nn.Linear(dim, dim, bias=False)
        self.own = nn.Linear(dim, dim)
        self.concat = combination == "concat"
        self.combine = nn.Linear(2 * dim if self.concat else dim, dim)

    def forward(
        self, x: tuple[Tensor, Tensor], graphs: tuple[SparseGraph, SparseGraph], ids: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        user, item = x
        received = graphs[0] @ self.message(item), graphs[1] @ self.message(user)
        return self._join(user, received[0], ids[0]), self._join(item, received[1], ids[1])

    def _join(self, x: Tensor, received: Tensor, identity: Tensor) -> Tensor:
        received = F.leaky_relu(received)
        own = F.leaky_relu(self.own(x)) + identity
        if self.concat:
            return F.leaky_relu(self.combine(torch.cat([received, own], dim=1)))
        return F.leaky_relu(self.combine(received) + own)
