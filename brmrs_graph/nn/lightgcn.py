"""LightGCN propagation over any sparse graph."""

from __future__ import annotations

from typing import Any, overload

import torch
from torch import Tensor, nn

from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import SparseGraph, as_bipartite, as_graph


class LightGCNPropagation(nn.Module):
    r"""Linear propagation with a mean over layers.

    From `"LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation"
    <https://arxiv.org/abs/2002.02126>`_ (He et al., SIGIR 2020).

    .. math::
        X^{(l+1)} = \hat A X^{(l)}, \qquad Y = \frac{1}{L+1} \sum_{l=0}^{L} X^{(l)}

    On a bipartite graph, pass the pair (users, items) and the |U|x|I| block :math:`\hat R`; users then receive
    :math:`\hat R X_I` and items :math:`\hat R^\top X_U`, which equals propagation over the square adjacency.
    The graph is used as it is: normalise it first, for instance with
    :func:`~brmrs_graph.graphs.bipartite_graph` or :func:`~brmrs_graph.graphs.symmetric_normalize`. Besides a
    :class:`~brmrs_graph.graphs.SparseGraph`, the layer takes what :func:`~brmrs_graph.graphs.as_graph` does (an
    ``edge_index``, an ``EdgeIndex``, a bipartite ``HeteroData``, …); convert it once yourself if you train.

    Args:
        num_layers: Number of layers L (default: 2).

    Shapes:
        - **input:** node features |V|×F and a |V|×|V| graph, or the pair (|U|×F, |I|×F) and a |U|×|I| graph.
        - **output:** as the input, |V|×F or (|U|×F, |I|×F).
    """

    def __init__(self, num_layers: int = 2) -> None:
        super().__init__()
        if num_layers < 0:
            raise ConfigError(f"the number of layers is {num_layers}; it cannot be negative")
        self.num_layers = num_layers

    @overload
    def forward(self, x: Tensor, graph: Any) -> Tensor: ...
    @overload
    def forward(self, x: tuple[Tensor, Tensor], graph: Any) -> tuple[Tensor, Tensor]: ...
    def forward(self, x: Tensor | tuple[Tensor, Tensor], graph: Any) -> Tensor | tuple[Tensor, Tensor]:
        """Propagates node features over the graph."""
        if isinstance(x, Tensor):
            return _Propagation.apply(x, as_graph(graph, shape=(x.size(0), x.size(0))), self.num_layers)
        graph = as_bipartite(graph, x[0].size(0), x[1].size(0))
        return _BipartitePropagation.apply(*x, graph, self.num_layers)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_layers={self.num_layers})"


# The mean over layers is a polynomial in the adjacency, evaluated by Horner's rule: X + A(X + A(X + ...)). It is
# linear, so its backward is the same polynomial in the transpose, and no layer needs to be kept for it.


def _polynomial(x: Tensor, graph: SparseGraph, num_layers: int) -> Tensor:
    y = x
    for _ in range(num_layers):
        y = (graph @ y).add_(x)
    return y / (num_layers + 1)


def _bipartite_polynomial(users: Tensor, items: Tensor, graph: SparseGraph, num_layers: int) -> tuple[Tensor, Tensor]:
    user, item = users, items
    for _ in range(num_layers):
        user, item = (graph @ item).add_(users), (graph.t() @ user).add_(items)
    if num_layers == 0:
        return users.clone(), items.clone()
    return user.div_(num_layers + 1), item.div_(num_layers + 1)


class _Propagation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, graph: SparseGraph, num_layers: int) -> Tensor:
        ctx.graph, ctx.num_layers = graph, num_layers
        return _polynomial(x, graph, num_layers)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return _polynomial(grad, ctx.graph.t(), ctx.num_layers), None, None


class _BipartitePropagation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, users: Tensor, items: Tensor, graph: SparseGraph, num_layers: int) -> tuple[Tensor, Tensor]:
        ctx.graph, ctx.num_layers = graph, num_layers
        return _bipartite_polynomial(users, items, graph, num_layers)

    @staticmethod
    def backward(ctx: Any, user_grad: Tensor, item_grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        # The square adjacency of a bipartite graph is symmetric: forward and backward are the same operator.
        return *_bipartite_polynomial(user_grad, item_grad, ctx.graph, ctx.num_layers), None, None
