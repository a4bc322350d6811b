"""Item graphs as data of PyTorch Geometric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch_geometric.data import Data, HeteroData

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.graphs import SparseGraph


def to_pyg(graph: SparseGraph, item_ids: Sequence[str] = ()) -> Data:
    """One item graph; messages flow from the neighbours of an item to the item, as in propagation here.

    Args:
        graph: N×N, row i listing the neighbours of item i.
        item_ids: Original item ids, length N, kept as ``item_id`` where they are given.

    Returns:
        ``edge_index`` (neighbour, item), int64, shape [2, num_edges], ``edge_weight`` and ``num_nodes``;
        :func:`~brmrs_graph.graphs.as_graph` gives the graph back.
    """
    edge_index, edge_weight = graph.to_edge_index()
    named = {"item_id": list(item_ids)} if len(item_ids) else {}
    return Data(edge_index=edge_index, edge_weight=edge_weight, num_nodes=graph.num_cols, **named)


def to_hetero(data: MultimodalDataset, graphs: Mapping[str, SparseGraph]) -> HeteroData:
    """A whole data set with item graphs: users, items, training interactions and one edge type per graph.

    Args:
        data: The data set; held-out interactions are left out.
        graphs: Name -> item graph, see :meth:`~brmrs_graph.inspection.ItemGraphs.named`.

    Returns:
        Nodes ``"user"`` and ``"item"`` with their ids (``user_id``, ``item_id``, where there are any), the features
        and masks of every modality on the items (``x_visual``, ``missing_visual``, …), edges
        ``("user", "bought", "item")`` and ``("item", NAME, "item")``, from neighbour to item, with ``edge_weight``.
    """
    hetero = HeteroData()
    for kind, count, ids in (("user", data.num_users, data.user_ids), ("item", data.num_items, data.item_ids)):
        hetero[kind].num_nodes = count
        if ids:
            hetero[kind][f"{kind}_id"] = list(ids)
    for modality, x in data.features.items():
        hetero["item"][f"x_{modality}"] = x
        hetero["item"][f"missing_{modality}"] = data.missing[modality]
    hetero["user", "bought", "item"].edge_index = data.train_edges
    for name, graph in graphs.items():
        edges = hetero["item", name, "item"]
        edges.edge_index, edges.edge_weight = graph.to_edge_index()
    return hetero
