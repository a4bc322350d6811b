"""Named objectives: the method, its controls, and the default that validation chose."""

from __future__ import annotations

from brmrs_graph.errors import ConfigError
from brmrs_graph.training.objective_config import ObjectiveConfig

PRESETS: dict[str, tuple[str, ObjectiveConfig]] = {
    "bpr": (
        "control: BPR on the fused score",
        ObjectiveConfig(),
    ),
    "dns": (
        "control: BPR on the fused score with the hardest of 4 uniform negatives, BPR on each branch",
        ObjectiveConfig(fused_negatives="dns", branch=0.3),
    ),
    "ahns": (
        "control: BPR on the fused score with the one of 4 uniform negatives whose hardness suits the positive (AHNS), "
        "BPR on each branch",
        ObjectiveConfig(fused_negatives="ahns", branch=0.3),
    ),
    "mixgcf": (
        "control: BPR on the fused score with the hardest of 4 uniform negatives mixed with the positive (MixGCF), "
        "BPR on each branch",
        ObjectiveConfig(fused_negatives="mixgcf", branch=0.3),
    ),
    "self": (
        "control: each branch also trains on its own hard negatives (self-assigned pool of 4)",
        ObjectiveConfig(branch=0.3, chns=0.3, chns_assign="self"),
    ),
    "paper": (
        "the method as first described: CHNS from a pool, cross-assigned, with raw synergy-aware BPR and nothing else",
        ObjectiveConfig(fused=0.0, chns=1.0, chns_fused=0.0, curriculum=0, pool=16, synergy=1.0),
    ),
    "chns-graph": (
        "BPR with CHNS from the item kNN graphs (close in one modality, different in the other)",
        ObjectiveConfig(branch=0.3, chns=0.3, chns_form="graph"),
    ),
    "chns-hybrid": (
        "BPR with CHNS half from the pool, half from the item kNN graphs",
        ObjectiveConfig(branch=0.3, chns=0.3, chns_form="hybrid", pool=8),
    ),
    "infonce": (
        "comparison: BPR with contrastive alignment of the modalities",
        ObjectiveConfig(branch=0.3, infonce=0.1),
    ),
    "orthogonal": (
        "comparison: BPR with orthogonality of the modalities",
        ObjectiveConfig(branch=0.3, orthogonality=0.1),
    ),
    "own": (
        "only the losses that the model itself brings",
        ObjectiveConfig(fused=0.0),
    ),
    "default": (
        "what validation chose: BPR with DNS and on each branch, cross-assigned CHNS (pool 4), raw synergy-aware BPR",
        ObjectiveConfig(fused_negatives="dns", branch=0.3, chns=1.0, chns_fused=0.0, synergy=1.0),
    ),
}
"""Name -> (what it is, its configuration)."""


def objective_preset(name: str) -> ObjectiveConfig:
    """The configuration of a named objective.

    Raises:
        ConfigError: If there is no objective of that name.
    """
    if name not in PRESETS:
        raise ConfigError(f"objective '{name}' is unknown; choose one of {', '.join(PRESETS)}")
    return PRESETS[name][1]
