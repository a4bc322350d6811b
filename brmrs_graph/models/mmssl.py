"""MMSSL: user-item relations generated from each modality and judged by a critic, and contrast with behaviour."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import SparseGraph, bipartite_graph, nearest_graph, row_normalize
from brmrs_graph.losses import critic_loss, generator_loss, infonce_loss
from brmrs_graph.models.base import Recommender, embedding
from brmrs_graph.models.content import ContentProjection
from brmrs_graph.models.registry import register_model
from brmrs_graph.nn import LightGCNPropagation, dropout


@dataclass(frozen=True)
class MMSSLConfig:
    """Options of :class:`MMSSL`."""

    dim: int = 64
    """Width d of all vectors, a multiple of ``heads``."""
    num_layers: int = 2
    """Layers L of propagation over the user-item graph."""
    k: int = 10
    """Items per user in the generated relations."""
    heads: int = 4
    """Heads H of the attention across modalities."""
    dropout: float = 0.2
    """Dropout of projected features in training."""
    eta: float = 0.36
    """Weight η of the modality-aware vectors before propagation."""
    omega: float = 0.55
    """Weight ω of each modality's feature vectors after it."""
    contrast: float = 0.03
    """Weight λ1 of the contrast between modality-aware and final user vectors."""
    temperature: float = 0.5
    """Temperature τ of that loss."""
    adversarial: float = 1e-4
    """Weight λ2 of the generators' loss."""
    auxiliary: float = 100.0
    """Weight ζ of the collaborative signal in the true rows."""
    penalty: float = 1.0
    """Weight of the critic's gradient penalty."""
    critic_dim: int = 64
    """Width of the critic's hidden layers."""
    critic_users: int = 256
    """Users of each batch whose rows the critic sees."""


@register_model("mmssl", MMSSLConfig)
class MMSSL(Recommender):
    r"""Generative self-supervision: each modality reconstructs the users' interactions against an adversary.

    From "Multi-Modal Self-Supervised Learning for Recommendation" (Wei et al., WWW 2023), with
    :math:`R_U = D_U^{-1/2} R` and :math:`R_I = D_I^{-1/2} R^\top`:

    .. math::
        f_U^m &= R_U\, \mathrm{drop}(W_m x^m + b_m), \quad f_I^m = R_I f_U^m, \quad
            \hat a_{ui}^m = \cos(f_u^m, f_i^m), \\
        e_U^m &= \hat R_U^m q, \quad e_I^m = \hat R_I^m p, \quad
            \hat e = \mathrm{mean}_m \Big\Vert_h \sum_{m'} \mathrm{softmax}_{m'} \Bigl(
            \frac{\langle A_h e^m, B_h e^{m'} \rangle}{\sqrt{d / H}} \Bigr) e^{m'}_h, \\
        E &= \mathrm{LightGCN}\Bigl([p; q] + \eta \frac{\hat e}{\lVert \hat e \rVert}\Bigr), \qquad
            Y = E + \omega \sum_m \frac{f^m}{\lVert f^m \rVert}

    where :math:`\hat R^m` links each user to the k items with the largest :math:`\hat a^m` among those that the user
    has no training interaction with (found anew each epoch; a constant in between). A critic sees generated rows
    :math:`\hat a_u^m` and true rows :math:`a_u / |N_u| + \zeta \cos(Y_u, Y_I)`, in both of which the similarities to
    training items are 0, similarities and rows scaled to length 1, and plays the Wasserstein game with gradient
    penalty. Losses of its own: the critic's, the generators' (:math:`\lambda_2`), and InfoNCE between :math:`e_u^m`
    and :math:`Y_u`, summed over modalities (:math:`\lambda_1`).

    Branches: each modality (:math:`f^m / \lVert f^m \rVert`, whose score is the generated relation), ``"id"`` (E) and
    ``"fused"`` (Y).

    Chosen before DiffMM as the generative baseline: this needs losses alone, whereas the other trains, per modality, a
    denoiser with |I| inputs and outputs in a loop and with an optimiser of its own.

    Where this differs from the paper: both players take a step at once with the same optimiser; the critic is small,
    has layer norm for batch norm (under which a penalty per row means nothing) and sees some of the batch's users; true
    rows come without Gumbel noise (1e-5 of it in the published code); contrast has no negatives from the same view. The
    number k is left open; the published code keeps int(|I| / 10,000) items, and none after the second batch, so that it
    trains and ranks with :math:`\hat e = 0` (``eta=0, contrast=0`` here). It propagates over :math:`R_U` and
    :math:`R_I`, items from users already renewed.
    """

    needs_content = True
    revision = 1

    def __init__(self, data: MultimodalDataset, config: MMSSLConfig) -> None:
        super().__init__()
        data.require_content("mmssl")
        if config.heads < 1 or config.dim % config.heads:
            raise ConfigError(f"dim={config.dim} must be a multiple of heads={config.heads}")
        if not 0 <= config.dropout < 1 or not config.temperature > 0:
            raise ConfigError(
                f"dropout={config.dropout} must lie in [0, 1) and temperature={config.temperature} above 0"
            )
        if not 1 <= config.k <= data.num_items:
            raise ConfigError(f"k is {config.k}; it must lie between 1 and the number of items, {data.num_items}")
        if min(config.critic_dim, config.critic_users) < 1:
            raise ConfigError(f"critic_dim={config.critic_dim} and critic_users={config.critic_users} take at least 1")
        self.config = config
        self.modalities = data.modalities
        self.user = embedding(data.num_users, config.dim)
        self.item = embedding(data.num_items, config.dim)
        self.project = ContentProjection(data, config.dim)
        self.query = nn.Linear(config.dim, config.dim, bias=False)
        self.key = nn.Linear(config.dim, config.dim, bias=False)
        self.critic = _critic(data.num_items, config.critic_dim)
        self.graph = bipartite_graph(data.train_edges, data.num_users, data.num_items)
        interactions = self.graph.with_weight(torch.ones_like(self.graph.weight))
        self.true_rows = row_normalize(interactions)
        self.to_users, self.to_items = _root_normalize(interactions), _root_normalize(interactions.t())
        self.propagation = LightGCNPropagation(config.num_layers)
        self.relations: dict[str, tuple[SparseGraph, SparseGraph]] = {}
        self.generator: torch.Generator | None = None

    def begin_epoch(self, generator: torch.Generator) -> None:
        """Finds the generated relations anew, and keeps the generator for dropout and the critic."""
        self.relations = self._relate()
        self.generator = generator

    def forward(self) -> Branches:
        """One branch per modality, ``"id"`` and ``"fused"``, each |U|×d and |I|×d."""
        if not self.training or not self.relations:
            self.relations = self._relate()
        users, items = {}, {}
        for m, (user, item) in self._generate(self.config.dropout if self.training else 0.0).items():
            users[m], items[m] = F.normalize(user, dim=1), F.normalize(item, dim=1)
        aware_users = {m: graph @ self.item for m, (graph, _) in self.relations.items()}
        aware_items = {m: graph @ self.user for m, (_, graph) in self.relations.items()}
        start = [
            free + self.config.eta * F.normalize(self._attend(list(aware.values())), dim=1)
            for free, aware in ((self.user, aware_users), (self.item, aware_items))
        ]
        user, item = self.propagation((start[0], start[1]), self.graph)
        content = [torch.stack(list(side.values())).sum(dim=0) for side in (users, items)]
        users |= {"id": user, FUSED: user + self.config.omega * content[0]}
        items |= {"id": item, FUSED: item + self.config.omega * content[1]}
        return Branches(users, items, self.modalities, extra=aware_users)

    def losses(self, branches: Branches, users: Tensor, positives: Tensor, negatives: Tensor) -> dict[str, Tensor]:
        """``critic``, ``generators`` and ``contrast``."""
        config, distinct = self.config, users.unique()
        final = branches.users().index_select(0, distinct)
        contrast = [
            infonce_loss(branches.extra[m].index_select(0, distinct), final, config.temperature, both=False)
            for m in self.modalities
        ]
        judged = users[: config.critic_users].unique()
        true = self.true_rows.take_rows(judged).to_dense()
        rows = {m: branches.users(m).index_select(0, judged) @ branches.items(m).t() for m in self.modalities}
        generated = F.normalize(torch.cat([row * (true == 0) for row in rows.values()]), dim=1)
        real = self._real(branches, judged, true).repeat(len(rows), 1)
        return {
            "critic": critic_loss(self.critic, real, generated, config.penalty, self.generator),
            "generators": config.adversarial * generator_loss(self.critic, generated),
            "contrast": config.contrast * torch.stack(contrast).sum(),
        }

    def batch_parameters(self, users: Tensor, items: Tensor) -> list[Tensor]:
        """User and item vectors of the batch, before propagation."""
        return [self.user.index_select(0, users), self.item.index_select(0, items)]

    def _generate(self, rate: float) -> dict[str, tuple[Tensor, Tensor]]:
        users = {m: self.to_users @ dropout(x, rate, self.generator) for m, x in self.project().items()}
        return {m: (user, self.to_items @ user) for m, user in users.items()}

    @torch.no_grad()
    def _relate(self) -> dict[str, tuple[SparseGraph, SparseGraph]]:
        relations = {}
        for m, (user, item) in self._generate(0.0).items():
            graph = nearest_graph(user, item, self.config.k, exclude=self.graph)
            graph = graph.with_weight(torch.ones_like(graph.weight))
            relations[m] = _root_normalize(graph), _root_normalize(graph.t())
        return relations

    def _attend(self, views: list[Tensor]) -> Tensor:
        """The mean over modalities of what each attends to, N×d."""
        x = torch.stack(views, dim=1)
        query, key, value = (y.unflatten(2, (self.config.heads, -1)) for y in (self.query(x), self.key(x), x))
        score = (query.unsqueeze(2) * key.unsqueeze(1)).sum(dim=-1) / query.size(-1) ** 0.5
        # Values do not depend on who attends, so that the mean over those can come first.
        weight = score.softmax(dim=2).mean(dim=1)
        return (weight.unsqueeze(-1) * value).sum(dim=1).flatten(1)

    @torch.no_grad()
    def _real(self, branches: Branches, users: Tensor, true: Tensor) -> Tensor:
        user = F.normalize(branches.users().index_select(0, users), dim=1)
        similar = user @ F.normalize(branches.items(), dim=1).t() * (true == 0)
        return F.normalize(true + self.config.auxiliary * F.normalize(similar, dim=1), dim=1)


def _critic(num_items: int, width: int) -> nn.Sequential:
    # No bias where it would cancel out between the scores of true and generated rows.
    return nn.Sequential(
        nn.Linear(num_items, width),
        nn.LeakyReLU(),
        nn.LayerNorm(width, elementwise_affine=False),
        nn.Linear(width, width),
        nn.LeakyReLU(),
        nn.LayerNorm(width, elementwise_affine=False),
        nn.Linear(width, 1, bias=False),
    )


def _root_normalize(graph: SparseGraph) -> SparseGraph:
    return graph.with_weight(graph.weight / graph.degree().sqrt()[graph.row])
