"""Bayesian personalised ranking."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def bpr_loss(margin: Tensor) -> Tensor:
    r"""The mean of :math:`-\log \sigma(\Delta)` with :math:`\Delta = s(u, i^+) - s(u, i^-)`.

    From "BPR: Bayesian Personalized Ranking from Implicit Feedback" (Rendle et al., UAI 2009).

    Args:
        margin: Margins :math:`\Delta`, any shape.

    Returns:
        A scalar.

    Example:
        >>> float(bpr_loss(torch.zeros(3)))  # log 2
        0.6931...
    """
    return F.softplus(-margin).mean()
