"""Negative sampling: uniform, single-space hard negatives, and cross-modal hard negatives (CHNS)."""

from brmrs_graph.sampling.chns import CrossModalSampler, Direction, draw_from_rows
from brmrs_graph.sampling.closeness import Closeness, common_neighbors
from brmrs_graph.sampling.hard import adaptive, hardest, mixed
from brmrs_graph.sampling.inconsistency import inconsistent_neighbors
from brmrs_graph.sampling.pairs import PairSet
from brmrs_graph.sampling.segment import segment_argmax
from brmrs_graph.sampling.uniform import UniformSampler

__all__ = [
    "Closeness",
    "CrossModalSampler",
    "Direction",
    "PairSet",
    "UniformSampler",
    "adaptive",
    "common_neighbors",
    "draw_from_rows",
    "hardest",
    "inconsistent_neighbors",
    "mixed",
    "segment_argmax",
]
