"""Losses, one a file; each maps margins or embeddings to a scalar batch mean."""

from brmrs_graph.losses.bpr import bpr_loss
from brmrs_graph.losses.chns import chns_loss
from brmrs_graph.losses.infonce import infonce_loss
from brmrs_graph.losses.orthogonality import orthogonality_loss
from brmrs_graph.losses.synergy import synergy_loss, synergy_margin, synergy_share

__all__ = [
    "bpr_loss",
    "chns_loss",
    "infonce_loss",
    "orthogonality_loss",
    "synergy_loss",
    "synergy_margin",
    "synergy_share",
]
