"""The user-item bipartite graph, normalised for propagation, and random edge dropping on it."""

from __future__ import annotations

import torch
from torch import Tensor

from brmrs_graph.graphs.normalize import symmetric_normalize
from brmrs_graph.graphs.sparse import SparseGraph


def bipartite_graph(edge_index: Tensor, num_users: int, num_items: int) -> SparseGraph:
    r"""The |U|x|I| block :math:`\hat R = D_U^{-1/2} R D_I^{-1/2}` of the normalised user-item adjacency.

    The square adjacency is :math:`\hat A = [[0, \hat R], [\hat R^\top, 0]]`; keeping only the block halves memory,
    and the transpose that the item side needs is the one that the backward pass needs.

    Args:
        edge_index: Users (row 0) and items (row 1) of the training interactions, int64, shape [2, num_pairs].
        num_users: |U|.
        num_items: |I|.
    """
    return symmetric_normalize(SparseGraph.from_edges(edge_index[0], edge_index[1], (num_users, num_items)))


def drop_edges(graph: SparseGraph, keep: float, generator: torch.Generator | None = None) -> SparseGraph:
    """Keeps each edge with probability ``keep`` and normalises what remains anew.

    Args:
        graph: A bipartite block, shape [|U|, |I|]; its present weights are ignored.
        keep: Share of edges kept, in (0, 1].
        generator: Source of randomness on the CPU.
    """
    mask = (torch.rand(graph.num_edges, generator=generator) < keep).to(graph.device)
    kept = graph.select(mask)
    return symmetric_normalize(kept.with_weight(torch.ones_like(kept.weight)))


def square_adjacency(graph: SparseGraph) -> SparseGraph:
    """The square symmetric adjacency over users, then items, of a bipartite block; num_nodes = |U| + |I|."""
    num_users, num_items = graph.shape
    row, col = graph.row, graph.col + num_users
    nodes = num_users + num_items
    square = SparseGraph.from_edges(
        torch.cat([row, col]), torch.cat([col, row]), (nodes, nodes), torch.cat([graph.weight, graph.weight])
    )
    square._transposed = square  # symmetric: the backward pass uses the very same matrix
    return square
