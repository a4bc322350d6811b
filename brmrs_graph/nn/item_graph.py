"""Smoothing of item vectors over an item graph."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import as_graph


class ItemGraphPropagation(nn.Module):
    r"""Propagation over an item-item graph that returns the last layer.

    The frozen item graph of FREEDOM, `"A Tale of Two Graphs" <https://arxiv.org/abs/2211.06924>`_ (Zhou and Shen, MM
    2023), is used this way.

    .. math::
        Y = A_{mm}^{\,L} H

    The result is meant to be *added* to item vectors from user-item propagation. The graph is used as it is; besides a
    :class:`~brmrs_graph.graphs.SparseGraph`, the layer takes what :func:`~brmrs_graph.graphs.as_graph` does.

    Args:
        num_layers: Number of layers L (default: 1); with 0 the input is returned.

    Shapes:
        - **input:** item vectors |I|×F and a |I|×|I| graph (normalised, see :func:`~brmrs_graph.graphs.item_graph`).
        - **output:** |I|×F.
    """

    def __init__(self, num_layers: int = 1) -> None:
        super().__init__()
        if num_layers < 0:
            raise ConfigError(f"the number of layers is {num_layers}; it cannot be negative")
        self.num_layers = num_layers

    def forward(self, x: Tensor, graph: Any) -> Tensor:
        """Propagates item vectors over the graph."""
        graph = as_graph(graph, shape=(x.size(0), x.size(0)))
        for _ in range(self.num_layers):
            x = graph @ x
        return x

    def last_input(self, x: Tensor, graph: Any) -> Tensor:
        """What the last layer sums over the neighbours of every item, |I|×F: the path of a neighbour starts from it."""
        return ItemGraphPropagation(max(self.num_layers - 1, 0))(x, graph)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_layers={self.num_layers})"
