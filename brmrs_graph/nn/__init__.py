"""Reusable layers: propagation over sparse graphs, and score fusion."""

from brmrs_graph.nn.fusion import ConcatFusion, Fusion, GateFusion, MeanFusion, MLPFusion, make_fusion
from brmrs_graph.nn.item_graph import ItemGraphPropagation
from brmrs_graph.nn.lightgcn import LightGCNPropagation

__all__ = [
    "ConcatFusion",
    "Fusion",
    "GateFusion",
    "ItemGraphPropagation",
    "LightGCNPropagation",
    "MLPFusion",
    "MeanFusion",
    "make_fusion",
]
