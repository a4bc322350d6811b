"""The item graph used in propagation: a weighted mix of per-modality kNN graphs and co-purchase overlap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from brmrs_graph.graphs.sparse import SparseGraph
from brmrs_graph.graphs.strongest import strongest


def item_graph(
    modalities: Mapping[str, SparseGraph],
    weights: Mapping[str, float],
    *,
    k: int | None = None,
    copurchase: SparseGraph | None = None,
    alpha: float = 0.0,
) -> SparseGraph:
    r"""Mixes item graphs into one, every row summing to 1.

    Without ``alpha`` the edges of each modality count alike (binary, as in FREEDOM, Zhou and Shen, MM 2023) and the
    row-normalised graphs are mixed: :math:`\sum_m \beta_m D_m^{-1} G_m`. With ``alpha`` the edge weights are
    :math:`e_{ij} = \alpha\,\mathrm{overlap}(U_i, U_j) + (1-\alpha) \sum_m \beta_m \cos(x_i^m, x_j^m)` and the ``k``
    strongest per row stay. Weights :math:`\beta` are scaled, row by row, to sum to 1 over the modalities an item has.

    Args:
        modalities: One kNN graph (weights: cosine) by modality name, each of shape [N, N].
        weights: :math:`\beta_m` by modality name; a name that is not given counts 1 / number of modalities.
        k: Edges kept per row when ``alpha`` > 0.
        copurchase: Overlap graph of items, needed when ``alpha`` > 0.
        alpha: Share of co-purchase overlap, in [0, 1].

    Returns:
        A graph of shape [N, N].
    """
    if not modalities:
        raise ValueError("an item graph needs at least one modality")
    shape = next(iter(modalities.values())).shape
    mixed, present = sp.csr_matrix(shape, dtype=np.float32), np.zeros(shape[0], dtype=np.float32)
    for name, graph in modalities.items():
        matrix = graph.to_scipy()
        degree = np.diff(matrix.indptr)
        if alpha == 0:
            matrix.data = np.repeat(1.0 / np.maximum(degree, 1), degree).astype(np.float32)
        else:
            matrix.data = np.maximum(matrix.data, 0)
        beta = np.float32(weights.get(name, 1.0 / len(modalities)))
        mixed = mixed + beta * matrix
        present += beta * (degree > 0)
    if alpha > 0:
        if copurchase is None or k is None:
            raise ValueError("alpha > 0 needs a co-purchase graph and k")
        mixed = top_k(alpha * copurchase.to_scipy() + (1 - alpha) * _divide_rows(mixed, present), k)
    return SparseGraph.from_scipy(_divide_rows(mixed, mixed.sum(axis=1)))


def _divide_rows(matrix: sp.csr_matrix, total: Any) -> sp.csr_matrix:
    total = np.asarray(total, dtype=np.float32).ravel()
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return (sp.diags(scale) @ matrix).tocsr()


def top_k(matrix: sp.csr_matrix, k: int) -> sp.csr_matrix:
    """Keeps the ``k`` largest entries of every row (ties: the lower column)."""
    coo = matrix.tocoo()
    row, col, data = strongest(coo.row, coo.col, coo.data, k)
    return sp.csr_matrix((data, (row, col)), shape=matrix.shape)
