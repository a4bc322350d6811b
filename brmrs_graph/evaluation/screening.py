"""The best items of users on a CPU that multiplies bfloat16: found roughly, then exactly, and proved to be the best."""

from __future__ import annotations

import scipy.sparse as sp
import torch
from torch import Tensor

from brmrs_graph.topk import best_columns, leave_out, top_items

CANDIDATES = 2
"""Items whose scores are computed exactly, for each that is wanted."""

MIN_ITEMS = 512
"""Items for each that is wanted from which on this is faster than exact scores of all."""

SLICE = 2**18
"""Numbers of candidates' vectors that are fetched at once."""

_ROUNDING = 2.0**-7
"""Twice the largest relative error of rounding to bfloat16."""

_ADDING = 2.0**-22
"""Largest relative error of adding two float32 numbers, for each dimension of the vectors; with room to spare."""

_TINY = 1e-20
"""Lengths and scores below may have lost parts: squares that float32 cannot hold, and factors that bfloat16 cannot."""


class Screen:
    r"""All items, prepared for finding the best of them for blocks of users.

    Rough scores :math:`\hat s` come from vectors rounded to bfloat16, which new processors multiply at least twice as
    fast as float32. The mean c of all items is taken off first, which changes no ranking and leaves less to be rounded.
    By the inequality of Cauchy and Schwarz, rounding the vectors x of a user and y of items changes scores by at most

    .. math:: \epsilon = \lVert x - \hat x \rVert \max_i \lVert y_i - c \rVert
              + \lVert \hat x \rVert \max_i \lVert y_i - c - \hat y_i \rVert.

    With r for the rounding of rough scores themselves, the k best candidates are the k best items if for the last of
    them :math:`s - x^\top c > (1 + r) (\hat s_\mathrm{out} + \epsilon)`, where :math:`\hat s_\mathrm{out} > 0` is the
    best rough score of an item that is no candidate. Other users are for the caller to rank in full.

    Args:
        items: Item vectors, |I|×d, float32, on the CPU.
    """

    def __init__(self, items: Tensor) -> None:
        self.items = items
        self._mean = items.mean(dim=0)
        centred = items - self._mean
        rough = centred.bfloat16()
        self._columns = rough.t().contiguous()
        self._length = _lengths(centred).max()
        self._error = _lengths(centred - rough.float()).max() + items.size(1) * _ADDING * _lengths(items).max()

    @staticmethod
    def is_faster(items: Tensor, k: int) -> bool:
        """Whether finding k of the items so is faster on this machine than by exact scores of all."""
        able = torch.cpu.get_capabilities()
        return (
            items.device.type == "cpu"
            and items.layout == torch.strided
            and items.dtype == torch.float32
            and 0 < MIN_ITEMS * k <= items.size(0)
            and bool(able.get("avx512_bf16") or able.get("amx_bf16"))
        )

    def top(self, users: Tensor, seen: sp.csr_matrix, k: int) -> tuple[Tensor, Tensor]:
        """The k best items of every user, best first; among equal scores the lower id comes first.

        Args:
            users: User vectors, shape [n, d].
            seen: Items that are not to be found, CSR, shape [n, |I|].
            k: Less than |I| / ``CANDIDATES``.

        Returns:
            Item ids, int64, shape [n, k]; and whether those of a user are proved to be the best, bool, shape [n].
        """
        rough = users.bfloat16()
        scores = rough @ self._columns
        leave_out(scores, seen)
        # Bits of floats that are not negative are ordered as integers, of which the maximum is found faster.
        order, found = best_columns(scores.view(torch.int16), CANDIDATES * k + 1)
        left_out = order[:, -1].contiguous().view(torch.bfloat16).float()

        candidates = found[:, :-1].sort(dim=1).values
        exact = self._exact(users, candidates)
        best = top_items(exact, k)
        error = _lengths(users - rough.float()) * self._length + _lengths(rough.float()) * self._error
        last = exact.gather(1, best[:, -1:]).squeeze(1) - users @ self._mean
        return candidates.gather(1, best), (last > (1 + _ROUNDING) * (left_out + error)) & (left_out > _TINY)

    def _exact(self, users: Tensor, candidates: Tensor) -> Tensor:
        # Slices of users whose candidates' vectors stay in the cache.
        size = max(1, SLICE // (candidates.size(1) * users.size(1)))
        scores = users.new_empty(candidates.shape)
        for x, ids, out in zip(users.split(size), candidates.split(size), scores.split(size), strict=True):
            vectors = self.items.index_select(0, ids.flatten()).view(*ids.shape, users.size(1))
            torch.sum(vectors.mul_(x.unsqueeze(1)), dim=2, out=out)
        return scores


def _lengths(vectors: Tensor) -> Tensor:
    return vectors.norm(dim=1) + _TINY
