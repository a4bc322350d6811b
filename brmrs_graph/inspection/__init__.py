"""Looking into item graphs: what they look like, where they agree, how training moved them, and as files."""

from brmrs_graph.inspection.agreement import Agreement, agreement
from brmrs_graph.inspection.inconsistency import Inconsistency, inconsistency
from brmrs_graph.inspection.item_graphs import ItemGraphs, item_graphs, propagated_graphs
from brmrs_graph.inspection.movement import Movement, movement, union
from brmrs_graph.inspection.overview import Overview, overview
from brmrs_graph.inspection.structure import GraphStructure, graph_structure

__all__ = [
    "Agreement",
    "GraphStructure",
    "Inconsistency",
    "ItemGraphs",
    "Movement",
    "Overview",
    "agreement",
    "graph_structure",
    "inconsistency",
    "item_graphs",
    "movement",
    "overview",
    "propagated_graphs",
    "union",
]
