"""Pure functions from tensors to sparse graphs."""

from brmrs_graph.graphs.base import Graph
from brmrs_graph.graphs.bipartite import bipartite_graph, drop_edges, square_adjacency
from brmrs_graph.graphs.convert import as_bipartite, as_graph
from brmrs_graph.graphs.item import item_graph
from brmrs_graph.graphs.knn import knn_graph
from brmrs_graph.graphs.nearest import nearest_graph
from brmrs_graph.graphs.normalize import degree_normalize, row_normalize, symmetric_normalize
from brmrs_graph.graphs.overlap import overlap_graph
from brmrs_graph.graphs.pruning import prune_edges
from brmrs_graph.graphs.sparse import SparseGraph

__all__ = [
    "Graph",
    "SparseGraph",
    "as_bipartite",
    "as_graph",
    "bipartite_graph",
    "degree_normalize",
    "drop_edges",
    "item_graph",
    "knn_graph",
    "nearest_graph",
    "overlap_graph",
    "prune_edges",
    "row_normalize",
    "square_adjacency",
    "symmetric_normalize",
]
