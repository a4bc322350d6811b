"""What the cross-modal sampler needs to know beforehand, computed from training interactions and features."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import torch

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.graphs import SparseGraph, knn_graph
from brmrs_graph.sampling import Direction, PairSet, inconsistent_neighbors

DUPLICATE = 0.95
"""Items whose cosine is above this in every modality count as near-duplicates."""


def inconsistency_graphs(
    data: MultimodalDataset, modalities: Sequence[str], k: int, delta: float
) -> dict[Direction, SparseGraph]:
    """For every ordered pair of modalities (A, B), the graph of items close in A and different in B."""
    graphs = {m: knn_graph(data.features[m], k, missing=data.missing[m]) for m in modalities}
    return {
        (a, b): inconsistent_neighbors(graphs[a], graphs[b], data.features[b], data.missing[b], delta=delta)
        for a, b in permutations(modalities, 2)
    }


def avoided_pairs(data: MultimodalDataset, copurchased: bool, duplicates: bool) -> PairSet | None:
    """The pairs (positive, item) that guards keep from being hard negatives; None where no guard is on."""
    edges = []
    if copurchased:
        shared = (data.train.T @ data.train).tocoo()
        edges.append(torch.from_numpy(shared.row).long() * data.num_items + torch.from_numpy(shared.col).long())
    if duplicates:
        edges.append(_near_duplicates(data))
    if not edges:
        return None
    keys = torch.cat(edges).unique()
    rows = torch.div(keys, data.num_items, rounding_mode="floor")
    return PairSet(torch.stack([rows, keys - rows * data.num_items]), data.num_items)


def _near_duplicates(data: MultimodalDataset, k: int = 20) -> torch.Tensor:
    keys: torch.Tensor | None = None
    for modality, x in data.features.items():
        graph = knn_graph(x, min(k, data.num_items - 1), missing=data.missing[modality])
        close = graph.select(graph.weight > DUPLICATE)
        these = close.row * data.num_items + close.col
        keys = these if keys is None else keys[torch.isin(keys, these)]
    return torch.empty(0, dtype=torch.int64) if keys is None else keys
