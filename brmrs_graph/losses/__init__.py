"""Losses, one a file; each maps margins or embeddings to a scalar batch mean."""

from brmrs_graph.losses.bpr import bpr_loss
from brmrs_graph.losses.chns import chns_loss, disagreement
from brmrs_graph.losses.infonce import infonce_loss
from brmrs_graph.losses.orthogonality import orthogonality_loss
from brmrs_graph.losses.scale import spread
from brmrs_graph.losses.subspace import subspace_loss
from brmrs_graph.losses.synergy import synergy_loss, synergy_margin, synergy_share
from brmrs_graph.losses.wasserstein import critic_loss, generator_loss

__all__ = [
    "bpr_loss",
    "chns_loss",
    "critic_loss",
    "disagreement",
    "generator_loss",
    "infonce_loss",
    "orthogonality_loss",
    "spread",
    "subspace_loss",
    "synergy_loss",
    "synergy_margin",
    "synergy_share",
]
