"""The sharded user-item graph: its normalisation, and edge dropping that does not depend on the ranks."""

from __future__ import annotations

import torch
from torch import Tensor

from brmrs_graph.distributed.drawing import own_rows
from brmrs_graph.distributed.graph import ShardedGraph
from brmrs_graph.distributed.shard import Shard
from brmrs_graph.graphs import SparseGraph

BLOCK = 1 << 20
"""Random numbers drawn at once, of which a rank keeps its own."""


def sharded_bipartite_graph(shard: Shard) -> ShardedGraph:
    """The block of :func:`~brmrs_graph.graphs.bipartite_graph`, users sharded on one side and items on the other."""
    users, items = shard.train_edges
    rows = SparseGraph.from_edges(users, items, (len(shard.users.own), shard.num_items))
    return _normalized(ShardedGraph.from_rows(rows, shard.users, shard.items, shard.ranks))


def drop_sharded_edges(
    graph: ShardedGraph, keep: float, first: int, total: int, generator: torch.Generator
) -> ShardedGraph:
    """Keeps the edges that :func:`~brmrs_graph.graphs.drop_edges` keeps, and normalises what remains anew.

    Args:
        graph: The sharded block.
        keep: Share of edges kept, in (0, 1].
        first: Number of this rank's first edge in the whole graph.
        total: Number of all edges.
        generator: Source of randomness on the CPU, in the same state on all ranks.
    """
    edges = range(first, first + graph.block.num_edges)
    own = own_rows(lambda count: torch.rand(count, generator=generator), total, edges, BLOCK)
    return _normalized(graph.select((own < keep).to(graph.block.device)))


def _normalized(graph: ShardedGraph) -> ShardedGraph:
    degree, other = (half.block.degree().float() for half in (graph, graph.t()))
    return graph.with_weights(_weights(graph, degree, other), _weights(graph.t(), other, degree))


def _weights(graph: ShardedGraph, row_degree: Tensor, col_degree: Tensor) -> Tensor:
    rows, cols = row_degree.pow(-0.5), graph.exchange.extend(col_degree).pow(-0.5)
    return rows[graph.block.row] * cols[graph.block.col]
