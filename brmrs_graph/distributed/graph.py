"""A graph whose rows are sharded over ranks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from brmrs_graph.distributed.exchange import Exchange
from brmrs_graph.distributed.partition import Partition
from brmrs_graph.distributed.ranks import Ranks
from brmrs_graph.graphs import Graph, SparseGraph


@dataclass
class EdgeRoute:
    """Brings a value of every edge from the rank of its row to the rank of its column.

    Args:
        ranks: The ranks.
        order: The edges in the order in which they are sent, shape [edges here].
        send: Edges for each rank.
        receive: Edges from each rank.
        arrival: Which of the edges that arrive each edge of the transposed graph is.
    """

    ranks: Ranks
    order: Tensor
    send: list[int]
    receive: list[int]
    arrival: Tensor

    def __call__(self, values: Tensor) -> Tensor:
        """The values in the order of the transposed graph's edges."""
        return self.ranks.exchange(values[self.order], self.send, self.receive, "edges")[self.arrival]


class ShardedGraph(Graph):
    """The rows of a graph that belong to this rank, with a product in which all ranks take part.

    ``graph @ x`` takes this rank's rows of the node vectors and gives this rank's rows of the product. The vectors of
    other ranks' nodes that have an edge to a row here are fetched first; then one fused product is local. Backward is
    the product with :meth:`t`, as in :class:`~brmrs_graph.graphs.SparseGraph`, so that no gradient runs through the
    communication. Edges keep the order that they have in the whole graph, and with it the sums their rounding.

    Args:
        block: The rows. A column below ``num_cols`` is a node of this rank, one from there on a fetched node.
        num_cols: This rank's nodes on the side of the columns.
        exchange: Fetches the others.
    """

    def __init__(self, block: SparseGraph, num_cols: int, exchange: Exchange) -> None:
        self.block, self.num_cols, self.exchange = block, num_cols, exchange
        self._transposed: ShardedGraph | None = None
        self.route: EdgeRoute | None = None

    @classmethod
    def from_rows(cls, graph: SparseGraph, rows: Partition, cols: Partition, ranks: Ranks) -> ShardedGraph:
        """Builds the graph, and its transpose, from the rows of this rank.

        Args:
            graph: Own rows × all columns, the columns of every row in ascending order or any other that all share.
            rows: Who owns the rows.
            cols: Who owns the columns.
            ranks: The ranks.
        """
        sharded = cls._of_rows(graph, cols, ranks)
        owner = cols.owner(graph.col)
        order = torch.argsort(owner, stable=True)
        send = torch.bincount(owner, minlength=ranks.size).tolist()
        receive = ranks.counts(send)
        row, col = (
            ranks.exchange(ids[order], send, receive, "set-up") for ids in (graph.row + rows.own.start, graph.col)
        )
        arrived = torch.arange(row.numel(), device=row.device)
        backward = SparseGraph.from_edges(cols.local(col), row, (len(cols.own), rows.size), arrived)
        sharded.route = EdgeRoute(ranks, order, send, receive, backward.weight)
        return sharded._with_transposed(cls._of_rows(backward.with_weight(sharded.route(graph.weight)), rows, ranks))

    @classmethod
    def _of_rows(cls, graph: SparseGraph, cols: Partition, ranks: Ranks) -> ShardedGraph:
        col = graph.col
        others = ~cols.owns(col)
        halo = col[others].unique()
        own = len(cols.own)
        place = torch.where(others, own + torch.searchsorted(halo, col), cols.local(col))
        block = SparseGraph(graph.indptr, place.to(torch.int32), graph.weight, own + halo.numel())
        return cls(block, own, Exchange(halo, cols, ranks))

    def _with_transposed(self, transposed: ShardedGraph) -> ShardedGraph:
        self._transposed, transposed._transposed = transposed, self
        return self

    @property
    def shape(self) -> tuple[int, int]:
        """This rank's rows, and its nodes on the side of the columns."""
        return self.block.shape[0], self.num_cols

    def t(self) -> ShardedGraph:
        """The transposed graph, sharded by its own rows."""
        assert self._transposed is not None
        return self._transposed

    def with_weights(self, weight: Tensor, transposed: Tensor) -> ShardedGraph:
        """The same edges with other weights, those of the transposed graph in the order of its edges."""
        return self._both(lambda block: block.with_weight(weight), lambda block: block.with_weight(transposed))

    def select(self, keep: Tensor) -> ShardedGraph:
        """The subgraph of the edges where ``keep`` (bool, one per edge here) is true; it fetches what this one does."""
        assert self.route is not None
        there = self.route(keep.byte()).bool()
        return self._both(lambda block: block.select(keep), lambda block: block.select(there))

    def apply(self, fn: Callable[[Tensor], Tensor]) -> ShardedGraph:
        """Applies ``fn`` to every tensor of the graph and its transpose."""
        for graph in (self, self.t()):
            graph.exchange.apply(fn)
        if self.route is not None:
            self.route.order, self.route.arrival = fn(self.route.order), fn(self.route.arrival)
        return self._both(lambda block: block.apply(fn), lambda block: block.apply(fn))

    def _both(
        self, own: Callable[[SparseGraph], SparseGraph], other: Callable[[SparseGraph], SparseGraph]
    ) -> ShardedGraph:
        transposed = self.t()
        changed = ShardedGraph(own(self.block), self.num_cols, self.exchange)
        changed.route = self.route
        return changed._with_transposed(ShardedGraph(other(transposed.block), transposed.num_cols, transposed.exchange))

    def __matmul__(self, x: Tensor) -> Tensor:
        if x.size(0) != self.num_cols:
            raise ValueError(f"this rank has {self.num_cols} columns of the graph, x has {x.size(0)} rows")
        return _ShardedProduct.apply(x, self)

    def __repr__(self) -> str:
        rows, cols = self.shape
        return (
            f"ShardedGraph({rows}x{cols} here, num_edges={self.block.num_edges}, {self.exchange.num_fetched} fetched)"
        )


class _ShardedProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, graph: ShardedGraph) -> Tensor:
        ctx.graph = graph
        return graph.block @ graph.exchange.extend(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        graph = ctx.graph.t()
        return graph.block @ graph.exchange.extend(grad), None
