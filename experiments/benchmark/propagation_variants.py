"""Other ways to compute one sparse product, for the benchmark."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch_geometric.nn import LGConv

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.graphs import SparseGraph, bipartite_graph, square_adjacency
from brmrs_graph.models import Recommender

Product = Callable[[Tensor], Tensor]


def fused(graph: SparseGraph) -> Product:
    """This library's product."""
    return lambda x: graph @ x


def coo(graph: SparseGraph) -> Product:
    """``torch.sparse.mm`` on a COO matrix, backward by autograd."""
    matrix = torch.sparse_coo_tensor(
        torch.stack([graph.row, graph.col]), graph.weight, graph.shape, check_invariants=True
    ).coalesce()
    return lambda x: torch.sparse.mm(matrix, x)


def csr(graph: SparseGraph) -> Product:
    """``A @ x`` on a torch CSR matrix, backward by autograd."""
    matrix = torch.sparse_csr_tensor(
        graph.indptr.long(), graph.indices.long(), graph.weight, graph.shape, check_invariants=True
    )
    return lambda x: matrix @ x


def gather_scatter(graph: SparseGraph) -> Product:
    """One message per edge, then ``index_add``: what message passing on an edge index does."""
    row, col, weight = graph.row, graph.col, graph.weight.unsqueeze(1)
    return lambda x: x.new_zeros(graph.shape[0], x.size(1)).index_add(0, row, x[col] * weight)


def lgconv(graph: SparseGraph) -> Product:
    """PyG's LGConv on an edge index."""
    edge_index, weight = graph.to_edge_index()
    layer = LGConv(normalize=False)
    return lambda x: layer(x, edge_index, weight)


class _OnAdjacency:
    def __init__(self, make: Callable[[SparseGraph], Product]) -> None:
        self.make = make

    @staticmethod
    def adjacency(data: MultimodalDataset) -> SparseGraph:
        """The square normalised adjacency of the training interactions."""
        return square_adjacency(bipartite_graph(data.train_edges, data.num_users, data.num_items))

    def __call__(self, data: MultimodalDataset) -> Product:
        return self.make(self.adjacency(data))


_MAKERS = {
    "fused product": fused,
    "torch CSR": csr,
    "coo autograd": coo,
    "gather-scatter": gather_scatter,
    "PyG LGConv, edge index": lgconv,
}

PRODUCTS = {name: _OnAdjacency(make) for name, make in _MAKERS.items()}
"""Name -> a function from a data set to the product with its square adjacency."""


class _Propagation(nn.Module):
    """LightGCN or item-graph propagation by any product, layer by layer."""

    def __init__(self, make: Callable[[SparseGraph], Product], num_layers: int) -> None:
        super().__init__()
        self.make, self.num_layers = make, num_layers
        self._made: dict[int, Product] = {}

    def product(self, graph: SparseGraph) -> Product:
        if id(graph) not in self._made:
            self._made[id(graph)] = self.make(graph)
        return self._made[id(graph)]

    def forward(self, x: Tensor | tuple[Tensor, Tensor], graph: SparseGraph) -> Tensor | tuple[Tensor, Tensor]:
        if isinstance(x, Tensor):
            for _ in range(self.num_layers):
                x = self.product(graph)(x)
            return x
        users, items = [x[0]], [x[1]]
        for _ in range(self.num_layers):
            user, item = users[-1], items[-1]
            users.append(self.product(graph)(item))
            items.append(self.product(graph.t())(user))
        return sum(users[1:], users[0]) / len(users), sum(items[1:], items[0]) / len(items)


def with_product(model: Recommender, name: str) -> Recommender:
    """A view of a ``brmrs`` model that shares its parameters and graphs but propagates by another product."""
    if name == "fused product":
        return model
    other = copy.copy(model)
    other._modules = dict(model._modules)
    for part in ("propagation", "smoothing", "user_smoothing"):
        other._modules[part] = _Propagation(_MAKERS[name], getattr(model, part).num_layers)
    return other
