"""Exact search by dot product, a block of queries at a time."""

from __future__ import annotations

from functools import cached_property
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from brmrs_graph.topk import leave_out, top_items

BLOCK = 64
"""Queries scored at once, always: fewer are filled up. The last bits of a matrix product depend on its number of rows,
and so the result for a query would depend on how many others it is asked with."""

SLICE = 2048
"""Vectors that a block is multiplied with at once, so that they stay in the processor's cache."""

Vectors: TypeAlias = "Tensor | sp.csr_matrix"
"""A row for each user or item: float32, dense on the CPU, or sparse."""


def take(vectors: Vectors, rows: NDArray[np.int64]) -> Vectors:
    """Some rows of vectors."""
    return vectors[torch.from_numpy(rows)] if isinstance(vectors, Tensor) else vectors[rows]


def lengths(vectors: Vectors) -> NDArray[np.float32]:
    """Length of every vector, shape [N]."""
    if isinstance(vectors, Tensor):
        return vectors.norm(dim=1).numpy()
    return np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())


def unit(vectors: Vectors) -> Vectors:
    """Vectors of length 1, whose dot products are cosines; those of length 0 stay as they are."""
    if isinstance(vectors, Tensor):
        return F.normalize(vectors, dim=1)
    length = lengths(vectors)
    return sp.csr_matrix(sp.diags(1 / np.where(length > 0, length, 1)) @ vectors, dtype=np.float32)


def product(queries: Tensor, vectors: Tensor) -> Tensor:
    """Dot products of at most BLOCK queries with all vectors.

    Args:
        queries: Shape [b, d].
        vectors: Shape [N, d].

    Returns:
        Shape [b, N].
    """
    block = F.pad(queries, (0, 0, 0, BLOCK - queries.size(0)))
    result = block.new_empty(BLOCK, vectors.size(0))
    for some, columns in zip(vectors.split(SLICE), result.split(SLICE, dim=1), strict=True):
        torch.mm(block, some.t(), out=columns)
    return result[: queries.size(0)]


class Index:
    """Candidates that are found by their dot product with a query; nothing is approximated.

    Args:
        vectors: Their vectors, N×d.
    """

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors

    def __len__(self) -> int:
        return int(self.vectors.shape[0])

    def scores(self, queries: Vectors) -> Tensor:
        """Scores of all candidates for at most BLOCK queries (shape [b, d]), b×N."""
        if isinstance(self.vectors, Tensor):
            assert isinstance(queries, Tensor)
            return product(queries, self.vectors)
        return torch.from_numpy((queries @ self._transposed).toarray())

    def search(
        self, queries: Vectors, n: int, excluded: sp.csr_matrix | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The best candidates of every query; among equal scores the lower position comes first.

        Memory is BLOCK·N scores and the result, whatever B is.

        Args:
            queries: Shape [B, d].
            n: How many.
            excluded: Pairs that are never found, the stored entries of a matrix of shape [B, N].

        Returns:
            Positions, int64, and scores, float32, best first, each of shape [B, min(n, N)]. Where fewer are left than
            that, the last positions are -1 and their scores -inf.
        """
        shape = (queries.shape[0], min(n, len(self)))
        positions, scores = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.float32)

        for start in range(0, shape[0], BLOCK):
            part = slice(start, start + BLOCK)
            found = self.scores(queries[part])
            if excluded is not None:
                leave_out(found, excluded[part])
            top = top_items(found, shape[1])
            positions[part], scores[part] = top.numpy(), found.gather(1, top).numpy()

        positions[np.isneginf(scores)] = -1
        return positions, scores

    @cached_property
    def _transposed(self) -> sp.csr_matrix:
        return sp.csr_matrix(self.vectors.T)
