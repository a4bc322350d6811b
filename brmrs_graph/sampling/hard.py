"""Single-space hard negatives: the candidate that one branch scores highest."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def hardest(candidates: Tensor, scores: Tensor) -> Tensor:
    """Dynamic negative sampling (DNS, Zhang et al., SIGIR 2013): the argmax of a branch's score among candidates.

    Args:
        candidates: Item ids, int64, shape [B, M].
        scores: Their scores, shape [B, M].

    Returns:
        Item ids, int64, shape [B].
    """
    return candidates.gather(1, scores.argmax(dim=1, keepdim=True)).squeeze(1)
