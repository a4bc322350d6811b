"""The best of many columns that come in parts."""

from __future__ import annotations

import torch
from torch import Tensor


def merge_best(values: Tensor, ids: Tensor, more: Tensor, more_ids: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k best of two lists in every row, best first; among equal values those of the first list come first.

    Args:
        values: The first list's values, shape [n, a].
        ids: Their ids, shape [n, a].
        more: The second list's values, shape [n, b].
        more_ids: Their ids, shape [n, b].
        k: Most that are kept.
    """
    values, ids = torch.cat([values, more], dim=1), torch.cat([ids, more_ids], dim=1)
    best = values.argsort(dim=1, descending=True, stable=True)[:, :k]
    return values.gather(1, best), ids.gather(1, best)
