"""The training objective: a weighted sum of losses over one batch."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

from brmrs_graph.branches import FUSED, Branches, PairScores
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.losses import (
    bpr_loss,
    chns_loss,
    infonce_loss,
    orthogonality_loss,
    synergy_loss,
    synergy_share,
)
from brmrs_graph.models import Recommender
from brmrs_graph.sampling import CrossModalSampler, UniformSampler, adaptive, hardest, mixed
from brmrs_graph.training.batch import BatchMargins, Negatives
from brmrs_graph.training.candidates import cross_modal_sampler
from brmrs_graph.training.objective_config import ObjectiveConfig, check

UNIFORM = "uniform"
HARD = "hard"


class Objective:
    """Computes the loss of a batch for any model that returns branches.

    Terms that need two modalities are left out for models with fewer, and :attr:`notes` says so.

    Args:
        config: Weights and forms.
        data: For the sampler and, for the graph forms, features; only training interactions are looked at.
        model: The model that is trained.

    Raises:
        ConfigError: If the configuration cannot work, alone or with this model.
    """

    def __init__(self, config: ObjectiveConfig, data: MultimodalDataset, model: Recommender) -> None:
        check(config, model, data.num_items)
        self.config = config
        modalities = model.modalities
        self.two = len(modalities) >= 2
        self.notes: list[str] = []
        needs_two = {
            name: getattr(config, name)
            for name in ("chns", "synergy", "infonce", "orthogonality")
            if getattr(config, name)
        }
        if needs_two and not self.two:
            self.notes.append(
                f"{', '.join(needs_two)} left out: they need two modalities, and the model has {len(modalities)}"
            )
        own = type(model).losses is not Recommender.losses
        if not (config.fused or (config.branch and modalities) or (needs_two and self.two) or own):
            raise ConfigError("every term of the objective is left out; give loss.fused a weight above 0")
        self.uniform = self._uniform_sampler(data)
        self.chns: CrossModalSampler | None = None
        if config.chns and self.two:
            self.chns = cross_modal_sampler(config, data, modalities, self.uniform.seen)

    def __call__(
        self,
        model: Recommender,
        users: Tensor,
        positives: Tensor,
        epoch: int,
        generator: torch.Generator | None = None,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The loss of one batch.

        Args:
            model: The model, in training mode.
            users: User ids, int64, shape [B].
            positives: Items they interacted with, int64, shape [B].
            epoch: Number of the epoch, from 0, for the curriculum.
            generator: Source of randomness on the CPU.

        Returns:
            The weighted terms by name (their sum is the loss; ``own_…`` are the model's), and detached scalars to log.

        Raises:
            ConfigError: If there is no term but weight decay.
        """
        branches = model()
        fallbacks = self.chns.fallbacks if self.chns is not None else 0
        negatives = self.draw(branches, users, positives, epoch, generator)
        terms, logged = self.terms(branches, users, positives, negatives)
        if self.chns is not None:
            drawn = users.numel() * sum(isinstance(name, tuple) for name in negatives)
            logged["chns_fallback_share"] = torch.tensor((self.chns.fallbacks - fallbacks) / drawn)
        hard = negatives.get(HARD, negatives[UNIFORM])
        terms |= {f"own_{name}": loss for name, loss in model.losses(branches, users, positives, hard).items()}
        if not terms:
            raise ConfigError(
                "nothing is trained but weight decay: the model gives no loss of its own with these options and "
                "modalities; give loss.fused a weight above 0"
            )
        rows = model.batch_parameters(users, torch.cat([positives, hard]))
        if rows:
            norm = torch.stack([row.square().sum() for row in rows]).sum() / users.numel()
            logged["norm"] = norm.detach()
            if self.config.weight_decay:
                terms["decay"] = self.config.weight_decay * norm
        return terms, logged

    @torch.no_grad()
    def draw(
        self,
        branches: Branches,
        users: Tensor,
        positives: Tensor,
        epoch: int,
        generator: torch.Generator | None = None,
    ) -> Negatives:
        """Draws the negatives of a batch.

        Returns:
            Item ids by name: ``UNIFORM``; where the fused score has others, ``HARD``; with CHNS each direction (A, B).
        """
        # One pool per batch serves every sampler, so that their arms differ in the choice alone.
        pool = self.uniform.draw(users, self.config.pool, generator)
        uniform = pool[:, 0]
        scores = PairScores(branches, users, pool)
        negatives = Negatives()
        negatives[UNIFORM] = uniform
        self._draw_hard(negatives, scores, positives, generator)
        if self.chns is not None:
            share = epoch / self.config.curriculum if epoch < self.config.curriculum else 1.0
            hard = (torch.rand(users.numel(), generator=generator) < share).to(users.device)
            for direction, items in self.chns.draw(scores, positives, generator).items():
                negatives[direction] = torch.where(hard, items, uniform)
        return negatives

    def terms(
        self, branches: Branches, users: Tensor, positives: Tensor, negatives: Negatives
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The weighted terms but for weight decay, and detached scalars to log."""
        config = self.config
        batch = BatchMargins(branches, users, positives, negatives)
        unimodal = [batch.margin(m, UNIFORM) for m in branches.modalities]
        terms: dict[str, Tensor] = {}
        logged: dict[str, Tensor] = {}
        if config.fused:
            terms["fused"] = config.fused * bpr_loss(batch.margin(FUSED, HARD if HARD in negatives else UNIFORM))
        if config.branch and unimodal:
            terms["branch"] = config.branch * torch.stack([bpr_loss(margin) for margin in unimodal]).sum()
        directions = [name for name in negatives if isinstance(name, tuple)]
        if directions:
            terms["chns"] = config.chns * chns_loss(
                batch.margin, directions, config.chns_assign, config.chns_fused, config.chns_weighting
            )
        if self.two:
            margin = batch.margin(FUSED, UNIFORM)
            if config.synergy:
                terms["synergy"] = config.synergy * synergy_loss(margin, unimodal, config.synergy_form, config.theta)
            with torch.no_grad():
                logged["synergy_share"] = synergy_share(margin, unimodal, config.synergy_form, config.theta)
            terms |= self._between_views(branches, positives)
        return terms, logged

    def to(self, device: torch.device | str) -> Objective:
        """Moves samplers to a device."""
        self.uniform.to(device)
        if self.chns is not None:
            self.chns.to(device)
        return self

    def _uniform_sampler(self, data: MultimodalDataset) -> UniformSampler:
        return UniformSampler(data.train_edges, data.num_users, data.num_items)

    def _draw_hard(
        self, negatives: Negatives, pool: PairScores, positives: Tensor, generator: torch.Generator | None
    ) -> None:
        config = self.config
        if config.fused_negatives == "dns":
            negatives[HARD] = hardest(pool.items, pool[FUSED])
        elif config.fused_negatives != "uniform":
            positive = pool.branches.score(FUSED, pool.users, positives)
            if config.fused_negatives == "ahns":
                negatives[HARD] = adaptive(pool.items, pool[FUSED], positive, config.ahns_alpha, config.ahns_beta)
            else:
                negatives[HARD], negatives.shares[HARD] = mixed(pool.items, pool[FUSED], positive, generator)

    def _between_views(self, branches: Branches, positives: Tensor) -> dict[str, Tensor]:
        config, terms = self.config, {}
        if config.infonce or config.orthogonality:
            items = positives.unique()
            views = [branches.item_vectors(m, items) for m in branches.modalities]
            pairs = list(combinations(views, 2))
            if config.infonce:
                losses = [infonce_loss(a, b, config.temperature) for a, b in pairs]
                terms["infonce"] = config.infonce * torch.stack(losses).mean()
            if config.orthogonality:
                losses = [orthogonality_loss(a, b) for a, b in pairs]
                terms["orthogonality"] = config.orthogonality * torch.stack(losses).mean()
        return terms
