"""How a learned item graph moved away from the graphs that training started from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from brmrs_graph.graphs import SparseGraph
from brmrs_graph.inspection.item_graphs import without_loops
from brmrs_graph.sampling import common_neighbors


@dataclass(frozen=True)
class Movement:
    """The edges of each item before and after, counted by what became of them.

    An item is measured where it has edges before and after; the counts are kept for all, the shares are of those.

    Args:
        kept: Edges that are in both graphs, int64, shape [N].
        lost: Edges that were there before alone, int64, shape [N].
        new: Edges that are there after alone, int64, shape [N].
    """

    kept: Tensor
    lost: Tensor
    new: Tensor

    @property
    def measured(self) -> Tensor:
        """Where an item has edges before and after, bool, shape [N]."""
        return (self.kept + self.lost > 0) & (self.kept + self.new > 0)

    @property
    def kept_share(self) -> Tensor:
        """Share of each item's edges before that are kept, float64, shape [N]; NaN where it is not measured."""
        return torch.where(self.measured, self.kept / (self.kept + self.lost).double(), torch.nan)

    @property
    def new_share(self) -> Tensor:
        """Share of each item's edges after that are new, float64, shape [N]; NaN where it is not measured."""
        return torch.where(self.measured, self.new / (self.kept + self.new).double(), torch.nan)

    def numbers(self) -> dict[str, float]:
        """Counts of edges and shares over the measured items, by name."""
        on = self.measured
        kept, lost, new = (int(count[on].sum()) for count in (self.kept, self.lost, self.new))
        return {
            "items": int(on.sum()),
            "kept": kept,
            "lost": lost,
            "new": new,
            "kept share": float(self.kept_share.nanmean()),
            "new share": float(self.new_share.nanmean()),
        }

    def summary(self) -> str:
        """One sentence for people."""
        n = self.numbers()
        if not n["items"]:
            return "not measured: no item has edges before and after"
        return (
            f"{n['kept share']:.1%} of an item's edges are kept and {1 - n['kept share']:.1%} lost; "
            f"{n['new share']:.1%} of its edges now are new ({n['kept']:,} kept, {n['lost']:,} lost, {n['new']:,} new, "
            f"{n['items']:,} items)"
        )


def movement(before: SparseGraph, after: SparseGraph) -> Movement:
    """Compares the edges of two graphs over the same items; self loops are left out.

    Args:
        before: N×N, for instance the kNN graph of a modality, or the :func:`union` of several; no edge twice.
        after: N×N, for instance the kNN graph of trained vectors.
    """
    before, after = without_loops(before), without_loops(after)
    kept = torch.bincount(common_neighbors(before, after).row, minlength=before.num_cols)
    return Movement(kept, before.degree() - kept, after.degree() - kept)


def union(graphs: Iterable[SparseGraph]) -> SparseGraph:
    """The edges that are in any of some graphs (one at least) of the same shape, each once with weight 1."""
    graphs = list(graphs)
    rows, cols = graphs[0].shape
    keys = torch.cat([graph.row * cols + graph.col for graph in graphs]).unique()
    row = torch.div(keys, cols, rounding_mode="floor")
    return SparseGraph.from_edges(row, keys - row * cols, (rows, cols))
