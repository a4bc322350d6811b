"""How far two item graphs list the same neighbours, and in the same order."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from brmrs_graph.graphs import SparseGraph
from brmrs_graph.inspection.item_graphs import without_loops
from brmrs_graph.inspection.rank_correlation import rank_correlation
from brmrs_graph.sampling import common_neighbors


@dataclass(frozen=True)
class Agreement:
    r"""What two item graphs A and B have in common, item by item; the same for (A, B) and (B, A).

    An item is measured where both graphs list neighbours for it; elsewhere (it lacks a modality) its value is NaN.

    Args:
        shared: Neighbours on both lists, :math:`|N_A(i) \cap N_B(i)|`, int64, shape [N].
        overlap: :math:`2 |N_A(i) \cap N_B(i)| / (|N_A(i)| + |N_B(i)|)`, for lists of equal length k the shared share of
            the k neighbours, float64, shape [N].
        order: Spearman's rank correlation of the weights of the shared neighbours, float64, shape [N]; NaN where there
            are fewer than 3 or all are tied.
        chance: The overlap of the lists of two different random items. It takes account of hubs: items that are on many
            lists of A and of B make lists alike that have nothing else in common.
    """

    shared: Tensor
    overlap: Tensor
    order: Tensor
    chance: float

    def numbers(self) -> dict[str, float]:
        """Means over the measured items, by name; NaN where there is none."""
        measured = ~self.overlap.isnan()
        return {
            "items": int(measured.sum()),
            "overlap": float(self.overlap.nanmean()),
            "chance": self.chance,
            "nothing shared": float((self.shared[measured] == 0).double().mean()),
            "order": float(self.order.nanmean()),
            "items with an order": int((~self.order.isnan()).sum()),
        }

    def summary(self) -> str:
        """One sentence for people."""
        n = self.numbers()
        if not n["items"]:
            return "not measured: no item has neighbours in both"
        ordered = int(n["items with an order"])
        return (
            f"{n['overlap']:.1%} of the neighbours are shared ({self.chance:.1%} by chance), none for "
            f"{n['nothing shared']:.1%} of {n['items']:,} items"
            + (f"; their rank correlation {n['order']:.2f} ({ordered:,} items)" if ordered else "")
        )


def agreement(a: SparseGraph, b: SparseGraph) -> Agreement:
    """Compares two graphs over the same items; self loops are left out.

    Args:
        a: N×N, row i listing the neighbours of item i, a larger weight being closer; no edge twice.
        b: Likewise.
    """
    a, b = without_loops(a), without_loops(b)
    shared = torch.bincount(common_neighbors(a, b).row, minlength=a.num_cols)
    total = (a.degree() + b.degree()).double()
    measured = (a.degree() > 0) & (b.degree() > 0)
    return Agreement(
        shared=shared,
        overlap=torch.where(measured, 2 * shared / total, torch.nan),
        order=_order(a, b),
        chance=_chance(a, b, shared, measured),
    )


def _order(a: SparseGraph, b: SparseGraph) -> Tensor:
    in_a, in_b = _by_column(common_neighbors(a, b)), _by_column(common_neighbors(b, a))
    return rank_correlation(in_a.row, in_a.weight, in_b.weight, a.num_cols)


def _by_column(graph: SparseGraph) -> SparseGraph:
    """The same edges, sorted by column in every row."""
    return SparseGraph.from_edges(graph.row, graph.col, graph.shape, graph.weight)


def _chance(a: SparseGraph, b: SparseGraph, shared: Tensor, measured: Tensor) -> float:
    items = measured.nonzero().squeeze(1)
    n = items.numel()
    if n < 2:
        return float("nan")
    lists = [graph.take_rows(items) for graph in (a, b)]
    on_a, on_b = (torch.bincount(graph.col, minlength=graph.num_cols).double() for graph in lists)
    # Over all pairs of measured items, those of an item with itself taken out again.
    common = float(on_a @ on_b - shared.sum()) / (n * (n - 1))
    return 2 * common / (sum(graph.num_edges for graph in lists) / n)
