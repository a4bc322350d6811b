"""The shape of one item graph: who is on many lists, who is on none, and what hangs together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.stats
import torch
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from brmrs_graph.graphs import SparseGraph
from brmrs_graph.inspection.item_graphs import without_loops
from brmrs_graph.sampling.closeness import edge_set


@dataclass(frozen=True)
class GraphStructure:
    """Degrees, hubs, reciprocity and components of an item graph, self loops left out.

    An item is *on the graph* if it has an edge in either direction; shares and the skewness are of those items, and
    NaN where there is none.

    Args:
        degree: Neighbours on the list of each item, int64, shape [N].
        in_degree: Lists that each item is on (its k-occurrence), int64, shape [N].
        component: Number of the weakly connected component of each item, the largest being 0; -1 for an item that is
            not on the graph; int64, shape [N].
        hubness: Skewness of the in-degrees (Radovanović et al., JMLR 2010): 0 where all items are on about as many
            lists, above 1 where few items are on very many.
        anti_hubs: Share of the items that are on nobody's list.
        reciprocity: Share of the edges whose reverse is an edge, too.
    """

    degree: Tensor
    in_degree: Tensor
    component: Tensor
    hubness: float
    anti_hubs: float
    reciprocity: float

    def numbers(self) -> dict[str, float]:
        """What describes the whole graph, by name."""
        on = self.component >= 0
        items = int(on.sum())
        return {
            "items": items,
            "edges": int(self.degree.sum()),
            "largest in-degree": int(self.in_degree.max()) if items else 0,
            "hubness": self.hubness,
            "anti-hubs": self.anti_hubs,
            "reciprocity": self.reciprocity,
            "components": int(self.component.max()) + 1 if items else 0,
            "largest component": float((self.component == 0).sum() / items) if items else np.nan,
        }

    def summary(self) -> str:
        """One sentence for people."""
        n = self.numbers()
        if not n["items"]:
            return "no edges"
        return (
            f"{n['items']:,} items, {n['edges']:,} edges; an item is on up to {n['largest in-degree']:,} lists "
            f"(skewness {self.hubness:.2f}), {self.anti_hubs:.1%} of the items are on none; {self.reciprocity:.1%} of "
            f"the edges go both ways; components: {n['components']:,}, the largest with {n['largest component']:.1%}"
        )


def graph_structure(graph: SparseGraph) -> GraphStructure:
    """Measures the shape of an item graph.

    Args:
        graph: N×N, row i listing the neighbours of item i; weights do not matter.
    """
    graph = without_loops(graph)
    row, col = graph.row, graph.col
    degree, in_degree = graph.degree(), torch.bincount(col, minlength=graph.num_cols)
    on = (degree + in_degree) > 0
    lists = in_degree[on].double().numpy()
    return GraphStructure(
        degree=degree,
        in_degree=in_degree,
        component=_components(graph, on),
        hubness=float(scipy.stats.skew(lists)) if lists.size else np.nan,
        anti_hubs=float((lists == 0).mean()) if lists.size else np.nan,
        reciprocity=float(edge_set(graph).contains(col, row).double().mean()),
    )


def _components(graph: SparseGraph, on: Tensor) -> Tensor:
    _, label = connected_components(graph.to_scipy(), connection="weak")
    component = torch.full((graph.num_cols,), -1)
    if bool(on.any()):
        _, label = np.unique(label[on.numpy()], return_inverse=True)
        by_size = np.argsort(-np.bincount(label), kind="stable")
        component[on] = torch.from_numpy(np.argsort(by_size)[label])
    return component
