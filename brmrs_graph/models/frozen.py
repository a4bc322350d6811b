"""The frozen item graph that several models share, and its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import SparseGraph, item_graph, knn_graph

FROZEN_BETA = {"visual": 0.1, "textual": 0.9}
"""Weights of the modalities in the published experiments on the Amazon sets."""


@dataclass(frozen=True)
class FrozenGraphConfig:
    """Options of every model that smooths over the frozen item graph."""

    dim: int = 64
    """Width d of a vector."""
    num_layers: int = 2
    """Layers of propagation over the user-item graph."""
    item_layers: int = 1
    """Layers of smoothing over the item graph."""
    k: int = 10
    """Nearest neighbours per item and modality in the item graph, the item itself among them."""
    beta: Mapping[str, float] = field(default_factory=dict)
    """Weight of each modality in the item graph, as NAME WEIGHT NAME WEIGHT (default: visual 0.1, textual 0.9, any
    other 1 / number of modalities)."""


def frozen_item_graph(data: MultimodalDataset, k: int, beta: Mapping[str, float]) -> SparseGraph:
    r"""The item graph of FREEDOM (Zhou and Shen, MM 2023), :math:`\sum_m \beta_m D_m^{-1} G_m`, made of features.

    :math:`G_m` is the binary cosine kNN graph of a modality, in which an item is its own first neighbour.

    Args:
        data: Where the features come from.
        k: Neighbours per item and modality, the item itself among them.
        beta: Weight of each modality, by name (default: :data:`FROZEN_BETA`, any other 1 / number of modalities).

    Raises:
        ConfigError: If ``beta`` names something else than modalities, or ``k`` is out of range.
    """
    if unknown := set(beta) - set(data.modalities):
        raise ConfigError(f"beta names {', '.join(sorted(unknown))}, but the modalities are {data.modalities}")
    graphs = {m: knn_graph(x, k, loop=True, missing=data.missing[m]) for m, x in data.features.items()}
    return item_graph(graphs, FROZEN_BETA | dict(beta))
