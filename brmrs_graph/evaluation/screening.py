"""The best items of users on a CPU that multiplies bfloat16: found roughly, then exactly, and proved to be the best."""

from __future__ import annotations

import torch
from torch import Tensor

from brmrs_graph.topk import best_columns, top_items

CANDIDATES = 2
"""Items whose scores are computed exactly, for each that is wanted."""

LEAST, LEAST_BY_WANTED = 8192, 256
"""Items from which on this is faster than exact scores of all: in all, and for each that is wanted."""

_ROUNDING = 2.0**-7
"""Twice the largest relative error of rounding to bfloat16."""

_ADDING = 2.0**-23
"""Largest relative error of adding two float32 numbers, for each dimension of the vectors."""

_TINY = 1e-30
"""Scores below may have lost parts that are too small for bfloat16."""


class Screen:
    r"""All items, prepared for finding the best of them for blocks of users.

    Rough scores :math:`\hat s` come from vectors rounded to bfloat16, which new processors multiply at least twice as
    fast as float32. By the inequality of Cauchy and Schwarz they differ from the scores s by at most

    .. math:: \epsilon_u = \lVert x_u - \hat x_u \rVert \max_i \lVert y_i \rVert
              + \lVert \hat x_u \rVert \max_i \lVert y_i - \hat y_i \rVert,

    the errors of adding, and their own rounding. The k best candidates are the k best items where the last of them
    scores above the best rough score of all other items by more; other users are for the caller to rank in full.

    Args:
        items: Item vectors, |I|×d, float32, on the CPU.
    """

    def __init__(self, items: Tensor) -> None:
        self.items = items
        rough = items.bfloat16()
        self.columns = rough.t().contiguous()
        self.length = items.norm(dim=1).max()
        self.error = (items - rough.float()).norm(dim=1).max() + items.size(1) * _ADDING * self.length

    @staticmethod
    def pays(items: Tensor, k: int) -> bool:
        """Whether finding k of the items so is faster on this machine than by exact scores of all."""
        able = torch.cpu.get_capabilities()
        return (
            items.device.type == "cpu"
            and items.layout == torch.strided
            and items.dtype == torch.float32
            and items.size(0) >= max(LEAST, LEAST_BY_WANTED * k)
            and bool(able.get("avx512_bf16") or able.get("amx_bf16"))
        )

    def top(self, users: Tensor, masked: tuple[Tensor, Tensor], k: int) -> tuple[Tensor, Tensor]:
        """The k best items of every user, best first; among equal scores the lower id comes first.

        Args:
            users: User vectors, shape [n, d].
            masked: Rows and columns of items that are not to be found, int64.
            k: Less than |I| / ``CANDIDATES``.

        Returns:
            Item ids, int64, shape [n, k]; and whether those of a user are proved to be the best, bool, shape [n].
        """
        rough = users.bfloat16()
        scores = rough @ self.columns
        scores[masked] = -torch.inf
        # Bits of floats that are not negative are ordered as integers, of which the maximum is found faster.
        order, found = best_columns(scores.view(torch.int16), CANDIDATES * k + 1)
        left_out = order[:, -1].contiguous().view(torch.bfloat16).float()

        candidates = found[:, :-1].sort(dim=1).values
        vectors = self.items.index_select(0, candidates.flatten()).view(*candidates.shape, -1)
        exact = (vectors * users.unsqueeze(1)).sum(dim=2)
        best = top_items(exact, k)
        error = (users - rough.float()).norm(dim=1) * self.length + rough.float().norm(dim=1) * self.error
        proved = exact.gather(1, best[:, -1:]).squeeze(1) > (1 + _ROUNDING) * (left_out + error)
        return candidates.gather(1, best), proved & (left_out > _TINY)
