"""Bayesian personalised ranking."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def bpr_loss(margin: Tensor, weight: Tensor | None = None) -> Tensor:
    r"""The mean of :math:`-w \log \sigma(\Delta)` with :math:`\Delta = s(u, i^+) - s(u, i^-)`.

    From "BPR: Bayesian Personalized Ranking from Implicit Feedback" (Rendle et al., UAI 2009), where :math:`w = 1`.

    Args:
        margin: Margins :math:`\Delta`, any shape.
        weight: Weights :math:`w` of the triples, in the same shape (default: all 1).

    Returns:
        A scalar.

    Example:
        >>> float(bpr_loss(torch.zeros(3)))  # log 2
        0.6931...
    """
    loss = F.softplus(-margin)
    return loss.mean() if weight is None else (weight * loss).mean()
