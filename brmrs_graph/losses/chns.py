"""The loss of cross-modal hard negative sampling."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from brmrs_graph.branches import FUSED
from brmrs_graph.losses.bpr import bpr_loss
from brmrs_graph.losses.scale import spread

Assign = Literal["cross", "self", "both"]
Weighting = Literal["none", "disagreement"]


def chns_loss(
    margin: Callable[[str, tuple[str, str]], Tensor],
    directions: Collection[tuple[str, str]],
    assign: Assign = "cross",
    fused: float = 1.0,
    weighting: Weighting = "none",
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
        weighting: ``disagreement`` weighs the triples of each direction by :func:`disagreement`, ``none`` all alike.

    Returns:
        A scalar.
    """
    modalities = {a for a, _ in directions}
    total: Tensor | float = 0.0
    for a, b in directions:
        weight = disagreement(margin(a, (a, b)), margin(b, (a, b))) if weighting == "disagreement" else None
        trained = {"cross": (b,), "self": (a,), "both": (a, b)}[assign]
        for branch in trained:
            total = total + bpr_loss(margin(branch, (a, b)), weight) / len(trained)
        if fused:
            total = total + fused * bpr_loss(margin(FUSED, (a, b)), weight)
    return total / (len(modalities) - 1)  # type: ignore[return-value]


@torch.no_grad()
def disagreement(margin_a: Tensor, margin_b: Tensor) -> Tensor:
    r"""Weights of triples that grow with how much B separates what A confuses.

    .. math::
        w_n = \frac{\sigma(d_n)}{\frac{1}{N} \sum_k \sigma(d_k)}, \qquad
        d_n = \frac{\Delta_{B,n}}{\mathrm{std}(\Delta_B)} - \frac{\Delta_{A,n}}{\mathrm{std}(\Delta_A)}

    with standard deviations over the batch (see :func:`~brmrs_graph.losses.spread`), since branches differ in scale.
    Triples on which both modalities agree, and those that A alone gets right, count less.

    Args:
        margin_a: Margins :math:`\Delta_A` on the negatives of the direction (A, B), shape [N].
        margin_b: Margins :math:`\Delta_B` on the same, shape [N].

    Returns:
        Weights of mean 1, detached, shape [N].
    """
    d = margin_b / spread(margin_b) - margin_a / spread(margin_a)
    # As logarithms, since every sigmoid of a batch may be too small for a float.
    return d.numel() * F.logsigmoid(d).softmax(dim=0)
