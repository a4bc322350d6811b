"""The training objective: a weighted sum of losses over one batch."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args, get_type_hints

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
from brmrs_graph.sampling import CrossModalSampler, UniformSampler, hardest
from brmrs_graph.training.batch import BatchMargins
from brmrs_graph.training.candidates import avoided_pairs, inconsistency_graphs

UNIFORM = "uniform"
HARD = "hard"


@dataclass(frozen=True)
class ObjectiveConfig:
    """Weights and forms of the losses; a weight of 0 leaves the loss out."""

    fused: float = 1.0
    """Weight of BPR on the fused score (λ_f)."""
    fused_negatives: Literal["uniform", "dns"] = "uniform"
    """Negatives of that loss: uniform, or the hardest of the pool by the fused score (DNS)."""
    branch: float = 0.0
    """Weight of BPR on each modality's own score (λ_u)."""
    chns: float = 0.0
    """Weight of cross-modal hard negatives (λ_h); with two modalities their loss is the sum of both directions."""
    chns_form: Literal["pool", "graph", "hybrid"] = "pool"
    """Where their candidates come from: the uniform pool, the kNN graphs, or half from each."""
    chns_assign: Literal["cross", "self", "both"] = "cross"
    """Which branch an item trains that A confuses with the positive: the other one, A itself, or both."""
    chns_fused: float = 1.0
    """Weight, within that loss, of the fused branch (κ)."""
    curriculum: int = 10
    """Epochs over which the share of hard negatives in that loss rises from 0 to 1; 0: hard from the start."""
    pool: int = 4
    """Candidates per pair (M), for DNS and for cross-modal hard negatives."""
    neighbors: int = 50
    """Nearest neighbours per modality (K) among which the graph form looks."""
    delta: float = 1.0
    """Largest standardised similarity in B of an item that counts as different there (δ)."""
    avoid_copurchased: bool = False
    """Leaves out, as hard negatives, items that share a buyer with the positive."""
    avoid_duplicates: bool = False
    """Leaves out, as hard negatives, items whose cosine with the positive is above 0.95 in every modality."""
    synergy: float = 0.0
    """Weight of synergy-aware BPR (λ_s)."""
    synergy_form: Literal["raw", "reference"] = "raw"
    """Margins as they are, or in units of each branch's batch standard deviation."""
    theta: float = 0.0
    """By how much more the fused score must separate (θ)."""
    infonce: float = 0.0
    """Weight of contrastive alignment between modalities (λ_c)."""
    temperature: float = 0.2
    """Temperature of that loss (τ)."""
    orthogonality: float = 0.0
    """Weight of the orthogonality of modalities."""
    weight_decay: float = 1e-5
    """Weight of the squared norm of the batch's free embeddings (λ), a mean over the batch."""


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
        _check(config, model, data.num_items)
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
        self.uniform = UniformSampler(data.train_edges, data.num_users, data.num_items)
        self.chns: CrossModalSampler | None = None
        if config.chns and self.two:
            lacking = {m: data.missing[m] for m in modalities if bool(data.missing[m].any())}
            self.chns = CrossModalSampler(
                config.chns_form,
                self.uniform.seen,
                None
                if config.chns_form == "pool"
                else inconsistency_graphs(data, modalities, config.neighbors, config.delta),
                avoided_pairs(data.only(modalities), config.avoid_copurchased, config.avoid_duplicates),
                lacking,
            )

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
            The weighted terms by name (their sum is the loss), and detached scalars to log.
        """
        branches = model()
        fallbacks = self.chns.fallbacks if self.chns is not None else 0
        negatives = self.draw(branches, users, positives, epoch, generator)
        terms, logged = self.terms(branches, users, positives, negatives)
        if self.chns is not None:
            drawn = users.numel() * sum(isinstance(name, tuple) for name in negatives)
            logged["chns_fallback_share"] = torch.tensor((self.chns.fallbacks - fallbacks) / drawn)
        hard = negatives.get(HARD, negatives[UNIFORM])
        terms |= model.losses(branches, users, positives, hard)
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
    ) -> dict[Hashable, Tensor]:
        """Draws the negatives of a batch.

        Returns:
            Item ids, int64, shape [B], by name: ``UNIFORM``, with DNS ``HARD``, with CHNS each direction (A, B).
        """
        # One pool per batch serves every sampler, so that their arms differ in the choice alone.
        pool = self.uniform.draw(users, self.config.pool, generator)
        uniform = pool[:, 0]
        scores = PairScores(branches, users, pool)
        negatives: dict[Hashable, Tensor] = {UNIFORM: uniform}
        if self.config.fused_negatives == "dns":
            negatives[HARD] = hardest(pool, scores[FUSED])
        if self.chns is not None:
            share = epoch / self.config.curriculum if epoch < self.config.curriculum else 1.0
            hard = (torch.rand(users.numel(), generator=generator) < share).to(users.device)
            for direction, items in self.chns.draw(scores, positives, generator).items():
                negatives[direction] = torch.where(hard, items, uniform)
        return negatives

    def terms(
        self, branches: Branches, users: Tensor, positives: Tensor, negatives: Mapping[Hashable, Tensor]
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
            terms["chns"] = config.chns * chns_loss(batch.margin, directions, config.chns_assign, config.chns_fused)
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

    def _between_views(self, branches: Branches, positives: Tensor) -> dict[str, Tensor]:
        config, terms = self.config, {}
        if config.infonce or config.orthogonality:
            items = positives.unique()
            views = [branches.items(m).index_select(0, items) for m in branches.modalities]
            pairs = list(combinations(views, 2))
            if config.infonce:
                losses = [infonce_loss(a, b, config.temperature) for a, b in pairs]
                terms["infonce"] = config.infonce * torch.stack(losses).mean()
            if config.orthogonality:
                losses = [orthogonality_loss(a, b) for a, b in pairs]
                terms["orthogonality"] = config.orthogonality * torch.stack(losses).mean()
        return terms


def _check(config: ObjectiveConfig, model: Recommender, num_items: int) -> None:
    for name, kind in get_type_hints(ObjectiveConfig).items():
        value, choices = getattr(config, name), get_args(kind)
        if choices and value not in choices:
            raise ConfigError(f"loss.{name} is '{value}'; choose one of {', '.join(choices)}")
        if not choices and name != "delta" and not value >= 0:  # NaN is refused too
            raise ConfigError(f"loss.{name} is {value}; it cannot be negative")
    for name in ("pool", "neighbors"):
        if getattr(config, name) < 1:
            raise ConfigError(f"loss.{name} is {getattr(config, name)}; it takes at least 1")
    if config.temperature == 0:
        raise ConfigError(f"loss.temperature is {config.temperature}; it must be above 0")
    if config.chns and config.chns_form != "pool" and config.neighbors >= num_items:
        raise ConfigError(
            f"loss.neighbors is {config.neighbors}, but there are only {num_items} items; choose a smaller number"
        )
    if config.synergy and config.synergy_form == "raw" and model.averages:
        raise ConfigError(
            "the raw synergy loss cannot be satisfied by a fused score that averages the branches (its margin never "
            "exceeds the largest one); use loss.synergy-form reference, or model.fusion concat"
        )
