"""Negative sampling: uniform, single-space hard negatives, and cross-modal hard negatives (CHNS)."""

from brmrs_graph.sampling.chns import CrossModalSampler, Direction, draw_from_rows
from brmrs_graph.sampling.hard import hardest
from brmrs_graph.sampling.inconsistency import inconsistent_neighbors
from brmrs_graph.sampling.pairs import PairSet
from brmrs_graph.sampling.segment import segment_argmax
from brmrs_graph.sampling.uniform import UniformSampler

__all__ = [
    "CrossModalSampler",
    "Direction",
    "PairSet",
    "UniformSampler",
    "draw_from_rows",
    "hardest",
    "inconsistent_neighbors",
    "segment_argmax",
]
