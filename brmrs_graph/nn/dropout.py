"""Dropout whose randomness comes from a generator of its own."""

from __future__ import annotations

import torch
from torch import Tensor


def dropout(x: Tensor, p: float, generator: torch.Generator | None = None) -> Tensor:
    """Sets each entry to 0 with probability ``p`` and divides the others by 1 - ``p``.

    What is dropped follows from the generator, on the CPU, and not from the global random state, so that a run that was
    resumed equals one that was not.

    Args:
        x: Any tensor.
        p: Probability, in [0, 1); 0 returns ``x`` and draws nothing.
        generator: Source of randomness on the CPU (default: the global one).
    """
    if p == 0:
        return x
    kept = torch.rand(x.shape, generator=generator) >= p
    return x * (kept / (1 - p)).to(x)
