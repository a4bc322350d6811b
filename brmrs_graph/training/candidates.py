"""What the cross-modal sampler needs to know beforehand, computed from training interactions and features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations

import torch

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.graphs import SparseGraph, knn_graph
from brmrs_graph.sampling import (
    Closeness,
    CrossModalSampler,
    Direction,
    PairSet,
    common_neighbors,
    inconsistent_neighbors,
)
from brmrs_graph.training.objective_config import ObjectiveConfig

DUPLICATE = 0.95
"""Items whose cosine is above this in every modality count as near-duplicates."""


def cross_modal_sampler(
    config: ObjectiveConfig, data: MultimodalDataset, modalities: Sequence[str], seen: PairSet
) -> CrossModalSampler:
    """The sampler of an objective's cross-modal hard negatives.

    The controls are two of its forms with other items: ``close`` draws from the graph of items close in both
    modalities, ``far`` from what of the pool is different in both.

    Args:
        config: The objective.
        data: Features, and training interactions for the guards.
        modalities: The model's modalities.
        seen: The training interactions (user, item).
    """
    form = config.chns_form
    neighbors: dict[Direction, SparseGraph] | None = None
    far: dict[str, Closeness] | None = None
    if form in ("graph", "hybrid"):
        neighbors = inconsistency_graphs(data, modalities, config.neighbors, config.delta)
    elif form == "close":
        neighbors = common_graphs(data, modalities, config.neighbors)
    elif form == "far":
        far = closeness(data, neighbor_graphs(data, modalities, config.neighbors), config.delta)
    return CrossModalSampler(
        "hybrid" if form == "hybrid" else "pool" if neighbors is None else "graph",
        seen,
        neighbors,
        avoided_pairs(data.only(modalities), config.avoid_copurchased, config.avoid_duplicates),
        config.chns_choice,
        far,
    )


def inconsistency_graphs(
    data: MultimodalDataset, modalities: Sequence[str], k: int, delta: float
) -> dict[Direction, SparseGraph]:
    """For every ordered pair of modalities (A, B), the graph of items close in A and different in B."""
    graphs = neighbor_graphs(data, modalities, k)
    close = closeness(data, graphs, delta)
    return {(a, b): inconsistent_neighbors(graphs[a], close[b]) for a, b in permutations(modalities, 2)}


def common_graphs(data: MultimodalDataset, modalities: Sequence[str], k: int) -> dict[Direction, SparseGraph]:
    """For every ordered pair of modalities (A, B), the graph of items close in both."""
    graphs = neighbor_graphs(data, modalities, k)
    return {(a, b): common_neighbors(graphs[a], graphs[b]) for a, b in permutations(modalities, 2)}


def neighbor_graphs(data: MultimodalDataset, modalities: Sequence[str], k: int) -> dict[str, SparseGraph]:
    """The kNN graph of every modality."""
    return {m: knn_graph(data.features[m], k, missing=data.missing[m]) for m in modalities}


def closeness(data: MultimodalDataset, graphs: Mapping[str, SparseGraph], delta: float) -> dict[str, Closeness]:
    """What is close in every modality that has a kNN graph."""
    return {m: Closeness(graph, data.features[m], data.missing[m], delta=delta) for m, graph in graphs.items()}


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
