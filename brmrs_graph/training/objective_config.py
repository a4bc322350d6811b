"""What an objective consists of: weights and forms of its losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args, get_type_hints

from brmrs_graph.errors import ConfigError
from brmrs_graph.models import Recommender


@dataclass(frozen=True)
class ObjectiveConfig:
    """Weights and forms of the losses; a weight of 0 leaves the loss out."""

    fused: float = 1.0
    """Weight of BPR on the fused score (λ_f)."""
    fused_negatives: Literal["uniform", "dns", "ahns", "mixgcf"] = "uniform"
    """Negatives of that loss: uniform, or by the fused score the hardest of the pool (DNS), the one whose hardness
    suits the positive (AHNS), or the hardest after mixing with the positive (MixGCF)."""
    ahns_alpha: float = 1.0
    """What AHNS adds to the positive's score (α)."""
    ahns_beta: float = 0.1
    """How hard the negatives of AHNS are on the whole (β)."""
    branch: float = 0.0
    """Weight of BPR on each modality's own score (λ_u)."""
    chns: float = 0.0
    """Weight of cross-modal hard negatives (λ_h); with two modalities their loss is the sum of both directions."""
    chns_form: Literal["pool", "graph", "hybrid", "close", "far"] = "pool"
    """Where their candidates come from: the uniform pool, the kNN graphs (close in A, different in B), or half from
    each; as controls, what is close to the positive in both modalities, or what of the pool is far in both."""
    chns_choice: Literal["confused", "disagree", "separable", "both"] = "confused"
    """Which candidate is taken: what A scores highest, what A scores high and B low, what A scores highest among those
    that B ranks below the positive, or (a control) what both score high."""
    chns_assign: Literal["cross", "self", "both"] = "cross"
    """Which branch an item trains that A confuses with the positive: the other one, A itself, or both."""
    chns_weighting: Literal["none", "disagreement"] = "none"
    """Whether triples count more in that loss where B separates what A confuses."""
    chns_fused: float = 1.0
    """Weight, within that loss, of the fused branch (κ)."""
    curriculum: int = 10
    """Epochs over which the share of hard negatives in that loss rises from 0 to 1; 0: hard from the start."""
    pool: int = 4
    """Candidates per pair (M), for hard negatives of the fused score and for cross-modal ones."""
    neighbors: int = 50
    """Nearest neighbours per modality (K) that count as close."""
    delta: float = 1.0
    """Largest standardised similarity of an item that counts as different in a modality (δ)."""
    avoid_copurchased: bool = False
    """Leaves out, as hard negatives, items that share a buyer with the positive."""
    avoid_duplicates: bool = False
    """Leaves out, as hard negatives, items that are among the 20 nearest of the positive with a cosine above 0.95 in
    every modality."""
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


def check(config: ObjectiveConfig, model: Recommender, num_items: int) -> None:
    """Checks that an objective can work with a model.

    Raises:
        ConfigError: If a value is out of range, or does not fit the model or the number of items.
    """
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
