"""Edges of item graphs as blocks, each with what every modality makes of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from brmrs_graph.graphs import SparseGraph
from brmrs_graph.inspection.explorer.blocks import Block, ids, numbers
from brmrs_graph.sampling import Closeness

NEAR, BETWEEN, DIFFERENT, UNKNOWN = range(4)
"""What a modality makes of an edge: j is among the nearest neighbours of i; neither near nor different; no closer than
the usual similarity plus one standard deviation; not known, since i or j lacks the modality."""


def edge_blocks(name: str, graph: SparseGraph, closeness: Mapping[str, Closeness]) -> dict[str, Block]:
    """The edges of a graph, row by row.

    Args:
        name: What the blocks are called.
        graph: N×N, nearest neighbour first, weights: cosines.
        closeness: Modality name -> what is close in it.

    Returns:
        ``NAME/degree`` (neighbours of every item), ``NAME/items``, ``NAME/cosine`` (in hundredths) and ``NAME/seen``
        (for one modality after the other the view of every edge).
    """
    cosine = (graph.weight * 100).round().clamp(-100, 100)
    seen = [edge_views(graph, close) for close in closeness.values()]
    return {
        f"{name}/degree": numbers(graph.degree().numpy().astype(np.uint8)),
        f"{name}/items": ids(graph.col.numpy(), graph.num_cols),
        f"{name}/cosine": numbers(cosine.numpy().astype(np.int8)),
        f"{name}/seen": numbers(np.stack(seen) if seen else np.zeros((0, graph.num_edges), dtype=np.uint8)),
    }


def edge_views(graph: SparseGraph, closeness: Closeness) -> NDArray[np.uint8]:
    """What a modality makes of every edge: ``NEAR``, ``BETWEEN``, ``DIFFERENT`` or ``UNKNOWN``, shape [num_edges]."""
    row, col = graph.row, graph.col
    view = torch.full_like(row, BETWEEN, dtype=torch.uint8)
    if row.numel():
        view[closeness.different(row, col)] = DIFFERENT
        view[closeness.neighbors.contains(row, col)] = NEAR
        view[closeness.missing[row] | closeness.missing[col]] = UNKNOWN
    return view.numpy()
