"""The loss of cross-modal hard negative sampling."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal

from torch import Tensor

from brmrs_graph.branches import FUSED
from brmrs_graph.losses.bpr import bpr_loss

Assign = Literal["cross", "self", "both"]


def chns_loss(
    margin: Callable[[str, tuple[str, str]], Tensor],
    directions: Collection[tuple[str, str]],
    assign: Assign = "cross",
    fused: float = 1.0,
) -> Tensor:
    r"""Trains branches on the items that modality A confuses with the positive.

    For a negative :math:`i_A` drawn for the direction (A, B) the loss is :math:`-\log \sigma(\Delta_B)` with
    ``cross`` (the method: B learns what A gets wrong), :math:`-\log \sigma(\Delta_A)` with ``self`` (the control: A
    learns from its own mistakes) and the mean of the two with ``both``; plus :math:`\kappa` times the same on the
    fused branch. Each loss is a batch mean; directions are averaged over A and added up over B, so that with two
    modalities each branch is trained once.

    Args:
        margin: Gives, for a branch and a direction (A, B), the branch's margins :math:`s(u,i^+) - s(u,i_A)` on the
            negatives drawn for that direction, shape [B].
        directions: The ordered pairs of modalities (A, B).
        assign: Which branch a negative trains.
        fused: The weight :math:`\kappa` of the fused branch.

    Returns:
        A scalar.
    """
    modalities = {a for a, _ in directions}
    total: Tensor | float = 0.0
    for a, b in directions:
        trained = {"cross": (b,), "self": (a,), "both": (a, b)}[assign]
        for branch in trained:
            total = total + bpr_loss(margin(branch, (a, b))) / len(trained)
        if fused:
            total = total + fused * bpr_loss(margin(FUSED, (a, b)))
    return total / (len(modalities) - 1)  # type: ignore[return-value]
