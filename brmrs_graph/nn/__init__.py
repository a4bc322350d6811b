"""Reusable layers: propagation over sparse graphs, and score fusion."""

from brmrs_graph.nn.attention import edge_dot, edge_softmax, edge_sum
from brmrs_graph.nn.dropout import dropout
from brmrs_graph.nn.fusion import ConcatFusion, Fusion, GateFusion, MeanFusion, MLPFusion, make_fusion
from brmrs_graph.nn.item_graph import ItemGraphPropagation
from brmrs_graph.nn.lightgcn import LightGCNPropagation
from brmrs_graph.nn.meta import LowRankMetaNetwork

__all__ = [
    "ConcatFusion",
    "Fusion",
    "GateFusion",
    "ItemGraphPropagation",
    "LightGCNPropagation",
    "LowRankMetaNetwork",
    "MLPFusion",
    "MeanFusion",
    "dropout",
    "edge_dot",
    "edge_softmax",
    "edge_sum",
    "make_fusion",
]
