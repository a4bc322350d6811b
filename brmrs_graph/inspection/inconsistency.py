"""How differently two modalities see the neighbourhood of an item."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from brmrs_graph.graphs import SparseGraph
from brmrs_graph.inspection.rank_correlation import rank_correlation
from brmrs_graph.sampling import Closeness


@dataclass(frozen=True)
class Inconsistency:
    r"""How much of the closeness of an item's neighbours in one modality is gone in the other, item by item.

    :math:`N_A(i)` and :math:`N_B(i)` are the item's nearest neighbours in A and in B that have both modalities, cut to
    the same length. With standardised similarities :math:`z_B` (see :class:`~brmrs_graph.sampling.Closeness`)

    .. math::
        c_{A \to B}(i) = 1 - \frac{\mathrm{mean}\{z_B(i, j) : j \in N_A(i)\}}
                                  {\mathrm{mean}\{z_B(i, j) : j \in N_B(i)\}}

    is 0 where the neighbours in A are as close in B as the nearest that B knows, 1 where they are no closer in B than
    random items are, and above 1 where they are farther apart. Any cosines a·cos + b, a > 0, give the same value, so
    that the encoders of A and B need not be alike. The score is the mean of both directions.

    An item that lacks A or B, or has no such neighbours, is *not measured*: NaN, never 0. So is one whose nearest
    items are no closer than random ones.

    Args:
        a_in_b: :math:`c_{A \to B}`, float64, shape [N], at least 0.
        b_in_a: :math:`c_{B \to A}`, likewise.
        order: Whether both modalities order the same neighbours alike: Spearman's correlation of :math:`\cos_A` and
            :math:`z_B` over :math:`N_A(i)`, and the other way round, the mean of the two; float64, shape [N]. NaN for
            fewer than 3 neighbours, or ties alone.
    """

    a_in_b: Tensor
    b_in_a: Tensor
    order: Tensor

    @property
    def score(self) -> Tensor:
        """The mean of both directions, float64, shape [N]; NaN where either is not measured."""
        return (self.a_in_b + self.b_in_a) / 2

    def most(self, n: int) -> Tensor:
        """The ``n`` most inconsistent of the measured items (fewer if there are fewer), ids, the first most so."""
        order = torch.argsort(self.score.nan_to_num(-1.0), descending=True, stable=True)
        return order[: min(n, int((~self.score.isnan()).sum()))]

    def numbers(self) -> dict[str, float]:
        """Means and quartiles over the measured items, by name; NaN where there is none."""
        score = self.score[~self.score.isnan()]
        low, middle, high = (float(score.quantile(q)) if score.numel() else torch.nan for q in (0.25, 0.5, 0.75))
        return {
            "items": score.numel(),
            "not measured": self.score.numel() - score.numel(),
            "mean": float(score.mean()),
            "lower quartile": low,
            "median": middle,
            "upper quartile": high,
            "A in B": float(self.a_in_b.nanmean()),
            "B in A": float(self.b_in_a.nanmean()),
            "order": float(self.order.nanmean()),
        }

    def summary(self) -> str:
        """One sentence for people."""
        n = self.numbers()
        if not n["items"]:
            return "not measured: no item has neighbours with both modalities"
        return (
            f"inconsistency {n['mean']:.2f} (quartiles {n['lower quartile']:.2f}, {n['median']:.2f}, "
            f"{n['upper quartile']:.2f}; 0 the same neighbourhood, 1 a random one) over {n['items']:,} items, "
            f"{n['not measured']:,} not measured; rank correlation of the neighbours' closeness {n['order']:.2f}"
        )


def inconsistency(
    neighbors_a: SparseGraph, neighbors_b: SparseGraph, closeness_a: Closeness, closeness_b: Closeness
) -> Inconsistency:
    """Scores every item by how differently two modalities see its neighbourhood.

    Args:
        neighbors_a: kNN graph of modality A without loops, nearest first (see :func:`~brmrs_graph.graphs.knn_graph`),
            N×N.
        neighbors_b: That of modality B.
        closeness_a: What is close in A.
        closeness_b: What is close in B.
    """
    both = ~(closeness_a.missing | closeness_b.missing)
    near_a, near_b = (graph.select(both[graph.row] & both[graph.col]) for graph in (neighbors_a, neighbors_b))
    length = torch.minimum(near_a.degree(), near_b.degree())
    near_a, near_b = _first(near_a, length), _first(near_b, length)
    return Inconsistency(
        a_in_b=_lost_closeness(_seen(near_a, closeness_b), _seen(near_b, closeness_b)),
        b_in_a=_lost_closeness(_seen(near_b, closeness_a), _seen(near_a, closeness_a)),
        order=(_order(near_a, closeness_b) + _order(near_b, closeness_a)) / 2,
    )


def _first(graph: SparseGraph, length: Tensor) -> SparseGraph:
    """So many first edges of every row."""
    row = graph.row
    return graph.select(torch.arange(graph.num_edges) - graph.indptr[row] < length[row])


def _seen(graph: SparseGraph, closeness: Closeness) -> SparseGraph:
    """The same edges, weighted by how close their items are in a modality."""
    return graph.with_weight(closeness.z(graph.row, graph.col))


def _lost_closeness(found: SparseGraph, nearest: SparseGraph) -> Tensor:
    best = _row_means(nearest)
    # Found is at most the best, but for rounding; where there are no neighbours both are NaN.
    return torch.where(best > 1e-6, (1 - _row_means(found) / best).clamp(min=0), torch.nan)


def _row_means(graph: SparseGraph) -> Tensor:
    total = torch.zeros(graph.num_cols, dtype=torch.float64).index_add_(0, graph.row, graph.weight.double())
    return total / graph.degree()


def _order(graph: SparseGraph, closeness: Closeness) -> Tensor:
    return rank_correlation(graph.row, graph.weight, _seen(graph, closeness).weight, graph.num_cols)
