"""The scale of a batch of scores or margins, by which branches of different scales become comparable."""

from __future__ import annotations

from torch import Tensor

SMALLEST = 1e-6
"""What a standard deviation is at least."""


def spread(values: Tensor) -> Tensor:
    """The standard deviation of a batch (population form), detached; at least 1e-6, and 1 for fewer than two values.

    Args:
        values: Scores or margins, any shape.

    Returns:
        A scalar.
    """
    if values.numel() < 2:
        return values.new_ones(())
    return values.detach().std(correction=0).clamp(min=SMALLEST)
