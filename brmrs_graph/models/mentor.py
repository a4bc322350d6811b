"""MENTOR: modalities aligned as distributions on several levels, under the guidance of ID vectors."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import bipartite_graph
from brmrs_graph.losses import infonce_loss
from brmrs_graph.models.base import Recommender, embedding
from brmrs_graph.models.content import ContentProjection
from brmrs_graph.models.frozen import FrozenGraphConfig, frozen_item_graph
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import ConcatFusion, ItemGraphPropagation, LightGCNPropagation, dropout

Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class MENTORConfig(FrozenGraphConfig):
    """Options of :class:`MENTOR`."""

    align: float = 0.1
    """Weight λ_align of the multilevel alignment."""
    mask: float = 1.5
    """Weight λ_f of predicting masked vectors."""
    dropout: float = 0.5
    """Share of a vector that is masked."""
    perturb: float = 1e-3
    """Weight λ_g of the contrast between perturbed graph views; 0 saves more than half of the time."""
    noise: float = 0.1
    """Length ε of the noise in these views, per layer."""
    temperature: float = 0.2
    """Temperature τ of that contrast."""


@register_model("mentor", MENTORConfig)
class MENTOR(Recommender):
    r"""Modality channels added up by user, with alignment of their distributions and two enhancement tasks.

    From "MENTOR: Multi-level Self-supervised Learning for Multimodal Recommendation" (Xu et al., AAAI 2025). For
    :math:`c \in \{id, m, \dots\}` with :math:`h^m = \mathrm{MLP}_m(x^m)`, :math:`h^{id} = q`, and all rows scaled to
    length 1:

    .. math::
        [P^c; \tilde Q^c] &= \sum_{l=0}^{L} \hat A^l [p^c; h^c], \quad Q^c = \tilde Q^c + A_{mm}^{L'} \tilde Q^c, \qquad
        s(u, i) = \sum_m w_{um} \langle P_u^m, Q_i^m \rangle, \\
        L_{align} &= \sum_{a \ne b} |\mu_a - \mu_b| + |\sigma_a^2 - \sigma_b^2|, \quad
        L_f = \sum_{x \in \{P, Q\}} 1 - \cos\bigl(W x + b, \mathrm{drop}(x)\bigr), \\
        L_g &= \mathrm{InfoNCE}(P', P'') + \mathrm{InfoNCE}(Q', Q'')

    with free user vectors p and user weights w, and the frozen item graph of FREEDOM :math:`A_{mm}`. Alignment is
    between all pairs of the ID channel, the fused and each modality's vectors, which are the paper's levels from direct
    guidance by ID to modalities among themselves; :math:`\mu` and :math:`\sigma^2` are the mean and variance of all
    entries. :math:`L_f`, whose dropout view is constant, and :math:`L_g` are on the fused vectors of the batch. Views
    :math:`'` and :math:`''` add noise of length :math:`\epsilon`, with the signs of the vectors, after every layer.

    Branches: each modality (users times :math:`w_{um}`); ``"fused"`` is the sum of their scores. The ID channel is only
    a guide, which no ranking loss trains, and therefore no branch.

    In the published code :math:`L_f` is computed without gradient, and the views of :math:`L_g` have parameters of
    their own, so that neither changes the ranking (``mask=0, perturb=0`` here); here both act, as the paper has it. Its
    BPR is in bits, 1.44 times of that here, and its ID channel passes through an MLP as well. The contrast is against
    the batch's distinct users and items.
    """

    needs_content = True

    def __init__(self, data: MultimodalDataset, config: MENTORConfig) -> None:
        super().__init__()
        data.require_content("mentor")
        if not 0 <= config.dropout < 1 or not config.temperature > 0:
            raise ConfigError(
                f"dropout={config.dropout} must lie in [0, 1) and temperature={config.temperature} above 0"
            )
        self.config = config
        self.modalities = data.modalities
        self.content = ContentProjection(data, config.dim, hidden=4 * config.dim)
        # Pairs, because ParameterDict would sort a dict, and branches keep the order of the modalities.
        self.user = nn.ParameterDict([(c, embedding(data.num_users, config.dim)) for c in (*self.modalities, "id")])
        self.item = embedding(data.num_items, config.dim)
        width = len(self.modalities)
        self.weight = nn.Parameter(torch.full((data.num_users, width), 1 / width))
        self.predictor = nn.Linear(width * config.dim, width * config.dim)
        self.graph = bipartite_graph(data.train_edges, data.num_users, data.num_items)
        self.item_graph = frozen_item_graph(data, config.k, config.beta)
        self.propagation = LightGCNPropagation(config.num_layers)
        self.smoothing = ItemGraphPropagation(config.item_layers)
        self.fusion = ConcatFusion()
        self.generator: torch.Generator | None = None

    def begin_epoch(self, generator: torch.Generator) -> None:
        """Keeps the generator for the masks and the noise of the epoch."""
        self.generator = generator

    def forward(self) -> Branches:
        """One branch per modality, each |U|×d and |I|×d, added up by the fused one."""
        users, items, extra = {}, {}, {}
        for c, start in (self.content() | {"id": self.item}).items():
            x = F.normalize(self.user[c], dim=1), F.normalize(start, dim=1)
            extra[f"first_user_{c}"], extra[f"first_item_{c}"] = x
            mean_user, mean_item = self.propagation(x, self.graph)
            layers = self.config.num_layers + 1
            extra[f"user_{c}"], extra[f"item_{c}"] = self._smooth((layers * mean_user, layers * mean_item))
        for n, m in enumerate(self.modalities):
            users[m], items[m] = self.weight[:, n : n + 1] * extra[f"user_{m}"], extra[f"item_{m}"]
        return Branches(users, items, self.modalities, self.fusion, extra)

    def losses(self, branches: Branches, users: Tensor, positives: Tensor, negatives: Tensor) -> dict[str, Tensor]:
        """``align``, ``mask`` and ``perturb``."""
        config, terms = self.config, {}
        if config.align:
            terms["align"] = config.align * self._align(branches)
        if config.mask:
            sides = branches.vectors(FUSED, users, positives)
            errors = [1 - F.cosine_similarity(self.predictor(x), self._drop(x), dim=1).mean() for x in sides]
            terms["mask"] = config.mask * torch.stack(errors).sum()
        if config.perturb:
            views = (self._perturbed(branches) for _ in range(2))
            twins = zip(*views, (users.unique(), positives.unique()), strict=True)
            contrasts = [
                infonce_loss(one.index_select(0, ids), other.index_select(0, ids), config.temperature, both=False)
                for one, other, ids in twins
            ]
            terms["perturb"] = config.perturb * torch.stack(contrasts).sum()
        return terms

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """The free vectors and the weights of the batch's users, and the ID vectors of its items."""
        rows = [table.index_select(0, users) for table in (*self.user.values(), self.weight)]
        return [*rows, self.item.index_select(0, items)]

    def _smooth(self, x: Pair) -> Pair:
        return x[0], x[1] + self.smoothing(x[1], self.item_graph)

    def _align(self, branches: Branches) -> Tensor:
        extra = branches.extra
        levels = [(extra[f"user_{c}"], extra[f"item_{c}"]) for c in self.user]
        moments = [_moments(*level) for level in (*levels, (branches.users(), branches.items()))]
        return torch.stack([(a - b).abs().sum() for a, b in combinations(moments, 2)]).sum()

    def _drop(self, x: Tensor) -> Tensor:
        return dropout(x.detach(), self.config.dropout, self.generator)

    def _perturbed(self, branches: Branches) -> Pair:
        users, items = [], []
        for n, m in enumerate(self.modalities):
            user, item = total = branches.extra[f"first_user_{m}"], branches.extra[f"first_item_{m}"]
            for _ in range(self.config.num_layers):
                user, item = self._noisy(self.graph @ item), self._noisy(self.graph.t() @ user)
                total = total[0] + user, total[1] + item
            total = self._smooth(total)
            users.append(self.weight[:, n : n + 1] * total[0])
            items.append(total[1])
        return torch.cat(users, dim=1), torch.cat(items, dim=1)

    def _noisy(self, x: Tensor) -> Tensor:
        noise = F.normalize(torch.rand(x.shape, generator=self.generator), dim=1).to(x)
        return x + self.config.noise * x.sign() * noise


def _moments(user: Tensor, item: Tensor) -> Tensor:
    # Mean and variance of the entries of both, without a copy of them.
    count = user.numel() + item.numel()
    mean = (user.sum() + item.sum()) / count
    return torch.stack([mean, ((user - mean).square().sum() + (item - mean).square().sum()) / (count - 1)])
