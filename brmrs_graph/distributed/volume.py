"""How much a training step sends, by formula."""

from __future__ import annotations

from brmrs_graph.distributed.graph import ShardedGraph
from brmrs_graph.distributed.models import ShardedModel
from brmrs_graph.nn import ItemGraphPropagation, LightGCNPropagation

FLOAT = 4
"""Bytes of a number."""


def halo_volume(model: ShardedModel) -> int:
    r"""Bytes that this rank sends in a training step for the halos of the others.

    .. math::
        4 \, C \, d \, \bigl( 2 L (h_{ui} + h_{iu}) + L' (h_{mm} + h_{mm}^\top) \bigr)

    for C branches of width d, L layers over the user-item graph with :math:`h_{ui}` item vectors sent to the ranks of
    their users and :math:`h_{iu}` user vectors sent to the ranks of their items (each layer does both, forward and
    backward), and L' layers over the item graph, forward, and over its transpose, backward.

    Args:
        model: A sharded model.
    """
    tables = [x for name, x in model.named_parameters() if name.split(".")[0] == "user"]
    vectors = 0
    for graph, layers, both in ((model.graph, model.propagation, True), *_item_graph(model)):
        assert isinstance(graph, ShardedGraph) and isinstance(layers, LightGCNPropagation | ItemGraphPropagation)
        vectors += (2 if both else 1) * layers.num_layers * (_sent(graph) + _sent(graph.t()))
    return FLOAT * vectors * sum(x.size(1) for x in tables)


def _item_graph(model: ShardedModel) -> list[tuple[object, object, bool]]:
    graph = getattr(model, "item_graph", None)
    return [] if graph is None else [(graph, model.smoothing, False)]


def _sent(graph: ShardedGraph) -> int:
    return sum(graph.exchange.send)
