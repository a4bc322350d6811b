"""The graphs over items that a model starts from, propagates over and has learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError, TrainingError
from brmrs_graph.graphs import SparseGraph, knn_graph
from brmrs_graph.models import Recommender

_ITEM_GRAPH = "item_graph"
"""How models name the item graphs that they propagate over, alone or with what tells several apart behind it."""


@dataclass(frozen=True)
class ItemGraphs:
    """Graphs over the same items, each N×N on the CPU; row i lists the neighbours of item i.

    Args:
        item_ids: Original item ids, length N.
        frozen: Modality name -> kNN graph of its features (weights: cosines), which training does not change.
        propagated: What a model smooths item vectors over, as the model makes it; one by the name ``"mixed"``, or one
            by what it is of (``"visual"``, …). Empty where a model has none.
        learned: Branch name -> kNN graph of the trained item vectors (weights: cosines).
    """

    item_ids: Sequence[str]
    frozen: Mapping[str, SparseGraph]
    propagated: Mapping[str, SparseGraph]
    learned: Mapping[str, SparseGraph]

    def named(self) -> dict[str, SparseGraph]:
        """All graphs, each by its kind and name: ``frozen_visual``, ``propagated_mixed``, ``learned_fused``."""
        kinds = {"frozen": self.frozen, "propagated": self.propagated, "learned": self.learned}
        return {f"{kind}_{name}": graph for kind, graphs in kinds.items() for name, graph in graphs.items()}


def item_graphs(
    data: MultimodalDataset,
    branches: Branches | None = None,
    k: int = 10,
    *,
    model: Recommender | None = None,
    block: int = 1024,
) -> ItemGraphs:
    """Collects the item graphs of a data set and of a model of it. Memory is ``block * N``, never N×N.

    Args:
        data: Where the features come from.
        branches: Trained vectors; without them there are no learned graphs.
        k: Neighbours per item in the frozen and in the learned graphs, the item itself not among them.
        model: The model, trained or not, for the graphs that it propagates over; without it there are none.
        block: Rows compared at once.

    Raises:
        ConfigError: If ``k`` is out of range, or the branches are of other items or have no item vectors to compare.
        TrainingError: If trained vectors are not finite.
    """
    return ItemGraphs(
        item_ids=data.item_ids or [str(i) for i in range(data.num_items)],
        frozen={m: knn_graph(x, k, missing=data.missing[m], block=block) for m, x in data.features.items()},
        propagated={} if model is None else propagated_graphs(model),
        learned={} if branches is None else _learned_graphs(branches, data.num_items, k, block),
    )


def propagated_graphs(model: Recommender) -> dict[str, SparseGraph]:
    """The item graphs that a model propagates over: what it holds under names that begin with ``item_graph``.

    Args:
        model: The model. Whether it is trained matters for ``lattice`` alone: the graphs of all others are constants.

    Returns:
        The rest of the name, ``"mixed"`` where there is none -> graph, with the weights that the model uses.
    """
    return {
        name.removeprefix(_ITEM_GRAPH).lstrip("_") or "mixed": graph.to("cpu")
        for name, graph in vars(model).items()
        if name.startswith(_ITEM_GRAPH) and isinstance(graph, SparseGraph)
    }


@torch.no_grad()
def _learned_graphs(branches: Branches, num_items: int, k: int, block: int) -> dict[str, SparseGraph]:
    if branches.num_items != num_items:
        raise ConfigError(
            f"the branches have {branches.num_items:,} items, the data set has {num_items:,}; take the data set that "
            "the model was trained on"
        )
    graphs = {}
    for name in branches.names:
        if not branches.is_finite(name):
            raise TrainingError(f"the vectors of the branch '{name}' are not finite; they have no neighbours")
        items = branches.items(name)
        if items.layout != torch.strided:
            raise ConfigError(f"the branch '{name}' scores by neighbours and has no item vectors; leave branches out")
        graphs[name] = knn_graph(items, k, block=block).to("cpu")
    return graphs


def without_loops(graph: SparseGraph) -> SparseGraph:
    """The same graph without edges from an item to itself."""
    return graph.select(graph.row != graph.col)
