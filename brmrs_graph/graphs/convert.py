"""From PyG's and torch's ways to hold a graph to :class:`SparseGraph`."""

from __future__ import annotations

from typing import Any, TypeVar, overload

import torch
from torch import Tensor

from brmrs_graph.graphs.base import Graph
from brmrs_graph.graphs.sparse import SparseGraph

G = TypeVar("G", bound=Graph)


@overload
def as_graph(source: G, *, shape: tuple[int, int] | None = None) -> G: ...
@overload
def as_graph(
    source: Any,
    *,
    shape: tuple[int, int] | None = None,
    edge_weight: Tensor | None = None,
    edge_type: Any = None,
) -> SparseGraph: ...
def as_graph(
    source: Any,
    *,
    shape: tuple[int, int] | None = None,
    edge_weight: Tensor | None = None,
    edge_type: Any = None,
) -> Graph:
    """Converts any usual graph to a :class:`SparseGraph`, with messages flowing the way they do in PyG.

    Args:
        source: One of

            * a :class:`SparseGraph`, or another :class:`Graph` (returned as it is),
            * a PyG ``edge_index`` or :class:`torch_geometric.EdgeIndex`, int64, shape [2, num_edges], row 0 sending
              to row 1, with ``shape`` = (number of targets, number of sources) unless an ``EdgeIndex`` knows it,
            * a :class:`torch_geometric.data.HeteroData` with ``edge_type`` (needed if there are several): the result
              has one row per node of the *first* type and one column per node of the second, the |U|x|I| block that
              :class:`~brmrs_graph.nn.LightGCNPropagation` takes,
            * a homogeneous PyG :class:`torch_geometric.data.Data` with ``edge_index``, weighted or not,
            * a torch sparse matrix or a scipy sparse matrix, rows receiving from columns (PyG's ``adj_t``).
        shape: Number of rows and columns, where ``source`` does not know them.
        edge_weight: Weight of every edge, shape [num_edges] (default: 1); for ``edge_index`` forms only.
        edge_type: Which edge type of a ``HeteroData``.
    """
    if isinstance(source, Graph):
        return source
    if hasattr(source, "edge_types"):
        return _from_hetero(source, edge_type)
    if hasattr(source, "edge_index"):
        nodes = int(source.num_nodes)
        return as_graph(source.edge_index, shape=(nodes, nodes), edge_weight=source.edge_weight)
    if isinstance(source, Tensor) and source.layout != torch.strided:
        coo = source.to_sparse_coo().coalesce()
        row, col = coo.indices()
        return SparseGraph.from_edges(row, col, (source.size(0), source.size(1)), coo.values())
    if isinstance(source, Tensor):
        if shape is None and hasattr(source, "get_sparse_size"):
            size = source.get_sparse_size()
            shape = (int(size[1]), int(size[0]))
        if shape is None:
            nodes = int(source.max()) + 1
            shape = (nodes, nodes)
        edges = source.as_tensor() if hasattr(source, "as_tensor") else source
        return SparseGraph.from_edges(edges[1], edges[0], shape, edge_weight)
    return SparseGraph.from_scipy(source)


def as_bipartite(source: Any, num_users: int, num_items: int, *, edge_type: Any = None) -> SparseGraph:
    """Converts any usual user-item graph to its |U|x|I| block.

    Args:
        source: What :func:`as_graph` takes; a PyG ``edge_index`` has users in row 0 and items in row 1.
        num_users: |U|.
        num_items: |I|.
        edge_type: Which edge type of a ``HeteroData``.

    Raises:
        ValueError: If the graph has another shape.
    """
    if isinstance(source, Tensor) and source.layout == torch.strided:
        edges = source.as_tensor() if hasattr(source, "as_tensor") else source
        return SparseGraph.from_edges(edges[0], edges[1], (num_users, num_items))
    graph = as_graph(source, edge_type=edge_type)
    if graph.shape != (num_users, num_items):
        raise ValueError(f"the graph is {graph.shape[0]}x{graph.shape[1]}, not {num_users} users x {num_items} items")
    return graph


def _from_hetero(data: Any, edge_type: Any) -> SparseGraph:
    if edge_type is None:
        if len(data.edge_types) != 1:
            raise ValueError(f"the data has edge types {data.edge_types}; say which one with edge_type")
        edge_type = data.edge_types[0]
    store = data[edge_type]
    first, second = edge_type[0], edge_type[-1]
    shape = (int(data[first].num_nodes), int(data[second].num_nodes))
    return SparseGraph.from_edges(store.edge_index[0], store.edge_index[1], shape, store.get("edge_weight"))
