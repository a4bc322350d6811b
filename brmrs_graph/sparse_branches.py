"""Branches whose vectors are sparse, for models that score by neighbours instead of embeddings."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.graphs import SparseGraph

BLOCK = 128
"""Users scored at once; memory is one block of their items' neighbours."""


class SparseBranches(Branches):
    r"""Branches with a sparse vector per user and item; the score of a pair is their dot product, as everywhere.

    A neighbourhood model, :math:`s(u, i) = \sum_{j \in N_i} r_{uj} s_{ij}`, has the rows of the training matrix as user
    vectors and the similarities of i to its neighbours as item vectors. Nothing dense is made but the scores that are
    asked for; :meth:`users` and :meth:`items` give sparse tensors (COO).

    Args:
        users: Branch name -> user vectors, the rows of a graph of shape [|U|, n]; ``"fused"`` among them.
        items: Branch name -> item vectors, the rows of a graph of shape [|I|, n].
        modalities: The branches that come from item content, in order.
    """

    def __init__(
        self, users: Mapping[str, SparseGraph], items: Mapping[str, SparseGraph], modalities: tuple[str, ...] = ()
    ) -> None:
        # Sorted once, so that entries can be looked up.
        rows = {name: SparseGraph.from_edges(x.row, x.col, x.shape, x.weight) for name, x in users.items()}
        self.graphs = {name: (rows[name], items[name]) for name in rows}
        tables = [{name: _as_coo(x) for name, x in side.items()} for side in (rows, items)]
        super().__init__(tables[0], tables[1], modalities)

    def is_finite(self, branch: str = FUSED) -> bool:
        """Whether no entry of a branch is NaN or infinite."""
        return all(bool(graph.weight.isfinite().all()) for graph in self.graphs[branch])

    def score_all(self, branch: str, users: Tensor) -> Tensor:
        """Scores of all items for some users (ids, shape [B]), B×|I|."""
        by_user, by_item = self.graphs[branch][0], self.graphs[branch][1].t()
        scores = by_item.weight.new_zeros(users.numel(), self.num_items)
        for block, ids in zip(scores.split(BLOCK), users.split(BLOCK), strict=True):
            _add_product(block, by_user.take_rows(ids), by_item)
        return scores

    def vectors(self, branch: str, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """User and item vectors of pairs, cut down to where the item vector is not zero.

        Args:
            branch: Branch name.
            users: User ids, int64, shape [B].
            items: Item ids, int64, shape [B] or [B, n].

        Returns:
            Two tensors in the shape of ``items`` with the most entries of an item vector added.
        """
        by_user, by_item = self.graphs[branch]
        entries = by_item.take_rows(items.reshape(-1))
        width = max(int(entries.degree().max()), 1) if items.numel() else 1
        row = entries.row
        slot = row * width + torch.arange(entries.num_edges, device=items.device) - entries.indptr[row]
        owner = users.repeat_interleave(items.numel() // max(users.numel(), 1))
        zeros = entries.weight.new_zeros(items.numel() * width)
        item = zeros.index_copy(0, slot, entries.weight)
        user = zeros.index_copy(0, slot, _look_up(by_user, owner[row], entries.col))
        return user.view(*items.shape, width), item.view(*items.shape, width)


def _add_product(result: Tensor, first: SparseGraph, second: SparseGraph) -> None:
    """Adds the product of two sparse matrices to a dense, contiguous one."""
    terms = second.take_rows(first.col)  # row e: what entry e of the first matrix is multiplied with
    entry = terms.row
    position = first.row[entry] * second.num_cols + terms.col
    result.view(-1).index_add_(0, position, first.weight[entry] * terms.weight)


def _as_coo(graph: SparseGraph) -> Tensor:
    indices = torch.stack([graph.row, graph.col])
    return torch.sparse_coo_tensor(indices, graph.weight, graph.shape, check_invariants=False).coalesce()


def _look_up(graph: SparseGraph, rows: Tensor, cols: Tensor) -> Tensor:
    """Entries of the matrix at (row, column), 0 where it has none; the graph's edges must be sorted."""
    keys = graph.row * graph.num_cols + graph.col
    query = rows * graph.num_cols + cols
    if keys.numel() == 0:
        return torch.zeros_like(query, dtype=graph.weight.dtype)
    at = torch.searchsorted(keys, query).clamp(max=keys.numel() - 1)
    return torch.where(keys[at] == query, graph.weight[at], 0)
