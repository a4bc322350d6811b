"""A sparse graph whose product with a dense matrix is fused, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from torch import Tensor

from brmrs_graph.graphs.base import Graph


class SparseGraph(Graph):
    r"""A weighted graph as a sparse matrix in compressed rows (CSR).

    Row :math:`i` holds the edges that *arrive* at node :math:`i`, so that ``graph @ x`` sums, for every node, the
    vectors of its neighbours: :math:`y_i = \sum_{j} w_{ij} x_j`. The product is one fused kernel (no message per
    edge is ever materialised), and its backward is the same kernel with the transposed graph, which is computed
    once and kept. Weights are constants: they receive no gradient.

    Args:
        indptr: Where each row starts, int32, shape [num_rows + 1].
        indices: Column of every edge, int32, shape [num_edges].
        weight: Weight of every edge, floating point, shape [num_edges].
        num_cols: Number of columns; ``num_rows`` follows from ``indptr``.

    Example:
        >>> graph = SparseGraph.from_edges(torch.tensor([0, 0, 1]), torch.tensor([1, 2, 0]), (2, 3))
        >>> graph @ torch.eye(3)
        tensor([[0., 1., 1.],
                [1., 0., 0.]])
    """

    def __init__(self, indptr: Tensor, indices: Tensor, weight: Tensor, num_cols: int) -> None:
        self.indptr = indptr
        self.indices = indices
        self.weight = weight
        self.num_cols = num_cols
        self._transposed: SparseGraph | None = None
        self._order: Tensor | None = None

    @classmethod
    def from_edges(cls, row: Tensor, col: Tensor, shape: tuple[int, int], weight: Tensor | None = None) -> SparseGraph:
        """Builds a graph from edges in any order; repeated edges stay repeated (their weights add up in products).

        Args:
            row: Row (receiving node) of every edge, shape [num_edges].
            col: Column (sending node) of every edge, shape [num_edges].
            shape: Number of rows and columns.
            weight: Weight of every edge, shape [num_edges] (default: all 1).

        Raises:
            ValueError: If a node id is out of range.
        """
        row, col = row.long(), col.long()  # int32 ids would overflow in the key
        for ids, size in ((row, shape[0]), (col, shape[1])):
            if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < size:
                raise ValueError(f"node ids {int(ids.min())} to {int(ids.max())} are out of range for {size} nodes")
        order = torch.argsort(row * shape[1] + col, stable=True)
        indptr = torch.zeros(shape[0] + 1, dtype=torch.int32, device=row.device)
        indptr[1:] = torch.bincount(row, minlength=shape[0]).cumsum(0)
        if weight is None:
            weight = torch.ones(row.numel(), device=row.device)
        return cls(indptr, col[order].to(torch.int32), weight[order], shape[1])

    @classmethod
    def from_scipy(cls, matrix: Any) -> SparseGraph:
        """Builds a graph from any :mod:`scipy.sparse` matrix; the stored order of a CSR matrix is kept."""
        csr = sp.csr_matrix(matrix)
        return cls(
            torch.from_numpy(csr.indptr.astype(np.int32)),
            torch.from_numpy(csr.indices.astype(np.int32)),
            torch.from_numpy(csr.data.astype(np.float32)),
            int(csr.shape[1]),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return self.indptr.numel() - 1, self.num_cols

    @property
    def num_edges(self) -> int:
        """Number of stored edges."""
        return self.indices.numel()

    @property
    def device(self) -> torch.device:
        """Where the graph lies."""
        return self.weight.device

    @property
    def row(self) -> Tensor:
        """Row of every edge, int64, shape [num_edges]."""
        rows = torch.arange(self.shape[0], device=self.device)
        return torch.repeat_interleave(rows, self.degree())

    @property
    def col(self) -> Tensor:
        """Column of every edge, int64, shape [num_edges]."""
        return self.indices.long()

    def degree(self) -> Tensor:
        """Number of edges in every row, int64, shape [num_rows]."""
        return self.indptr.diff().long()

    def t(self) -> SparseGraph:
        """The transposed graph, computed at the first call and kept; transposing it back costs nothing."""
        if self._transposed is None:
            transposed = SparseGraph.from_edges(self.col, self.row, (self.num_cols, self.shape[0]), self.weight)
            transposed._transposed = self
            self._transposed = transposed
        return self._transposed

    def transposed_order(self) -> Tensor:
        """Which edge of this graph each edge of :meth:`t` is, int64, shape [num_edges]; computed once and kept."""
        if self._order is None:
            self._order = self.with_weight(torch.arange(self.num_edges, device=self.device)).t().weight
        return self._order

    def with_weight(self, weight: Tensor) -> SparseGraph:
        """The same edges with other weights, shape [num_edges]."""
        return SparseGraph(self.indptr, self.indices, weight, self.num_cols)

    def select(self, keep: Tensor) -> SparseGraph:
        """The subgraph of the edges where ``keep`` (bool, shape [num_edges]) is true, order unchanged."""
        kept = torch.zeros(self.num_edges + 1, dtype=torch.int32, device=self.device)
        kept[1:] = keep.cumsum(0)
        return SparseGraph(kept[self.indptr.long()], self.indices[keep], self.weight[keep], self.num_cols)

    def take_rows(self, rows: Tensor) -> SparseGraph:
        """The graph of some rows in the order given (ids, int64, shape [n]; repeated ones are repeated)."""
        degree = self.degree()[rows]
        indptr = F.pad(degree.cumsum(0), (1, 0))
        shift = torch.repeat_interleave(self.indptr[rows].long() - indptr[:-1], degree)
        edges = torch.arange(shift.numel(), device=self.device) + shift
        return SparseGraph(indptr.to(torch.int32), self.indices[edges], self.weight[edges], self.num_cols)

    def apply(self, fn: Callable[[Tensor], Tensor]) -> SparseGraph:
        """Applies ``fn`` to every tensor, as :meth:`torch.nn.Module._apply` does."""
        moved = SparseGraph(fn(self.indptr), fn(self.indices), fn(self.weight), self.num_cols)
        if self._transposed is self:
            moved._transposed = moved
        return moved

    def to(self, device: torch.device | str) -> SparseGraph:
        """Copies the graph to a device."""
        return self.apply(lambda tensor: tensor.to(device))

    def to_dense(self) -> Tensor:
        """The dense matrix, shape [num_rows, num_cols]; for tests and small graphs."""
        dense = torch.zeros(self.shape, dtype=self.weight.dtype, device=self.device)
        return dense.index_put_((self.row, self.col), self.weight, accumulate=True)

    def to_scipy(self) -> sp.csr_matrix:
        """The same matrix in scipy's CSR format (on the CPU)."""
        return sp.csr_matrix(
            (self.weight.cpu().numpy(), self.indices.cpu().numpy(), self.indptr.cpu().numpy()),
            shape=self.shape,
        )

    def to_edge_index(self) -> tuple[Tensor, Tensor]:
        """PyG's form: ``edge_index`` (source, target; int64, shape [2, num_edges]) and ``edge_weight``."""
        return torch.stack([self.col, self.row]), self.weight

    def __matmul__(self, x: Tensor) -> Tensor:
        if x.size(0) != self.num_cols:
            raise ValueError(f"the graph has {self.num_cols} columns, x has {x.size(0)} rows")
        return _SparseProduct.apply(x, self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shape[0]}x{self.shape[1]}, num_edges={self.num_edges})"


def _product(graph: SparseGraph, x: Tensor) -> Tensor:
    # A weighted bag of rows is a sparse-dense product; of the kernels in torch this is the fastest on the CPU
    # (experiments/bench.py compares them) and the same call runs on CUDA.
    if graph.num_edges == 0:
        return x.new_zeros(graph.shape[0], x.size(1))
    return F.embedding_bag(
        graph.indices,
        x.contiguous(),
        graph.indptr,
        mode="sum",
        per_sample_weights=graph.weight.to(x.dtype),
        include_last_offset=True,
    )


class _SparseProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, graph: SparseGraph) -> Tensor:
        ctx.graph = graph
        return _product(graph, x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _product(ctx.graph.t(), grad), None
