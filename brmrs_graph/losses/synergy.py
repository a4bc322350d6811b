"""Synergy-aware BPR: the fused score must separate better than any single modality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from brmrs_graph.losses.scale import spread

Form = Literal["raw", "reference"]
LARGEST_REFERENCE = 3.0
"""The best unimodal margin counts at most this many standard deviations."""


def synergy_margin(fused: Tensor, unimodal: Sequence[Tensor], form: Form = "raw") -> Tensor:
    r"""By how much the fused margin exceeds the best unimodal one, :math:`\Delta_f - r`.

    * ``raw``: :math:`r = \max_m \Delta_m`, margins as they are, gradient through r. With score-adding fusion of two
      modalities the difference is exactly :math:`\min_m \Delta_m`: the loss trains the weaker branch of each triple.
    * ``reference``: each margin is divided by its own branch's batch standard deviation (population form, at least
      1e-6, 1 for batches under 2; detached), r is the smooth maximum (log-sum-exp), detached and clipped to [0, 3].

    Args:
        fused: Margins :math:`\Delta_f`, shape [B].
        unimodal: Margins of the content modalities, each of shape [B]; an ID branch is not among them.
        form: ``raw`` or ``reference``.

    Returns:
        Shape [B].
    """
    if form == "raw":
        return fused - torch.stack(list(unimodal)).amax(dim=0)
    scaled = torch.stack([margin / spread(margin) for margin in unimodal])
    # log-mean-exp instead of log-sum-exp would lie below the maximum; the sum never does.
    reference = torch.logsumexp(scaled, dim=0).detach().clamp(0.0, LARGEST_REFERENCE)
    return fused / spread(fused) - reference


def synergy_loss(fused: Tensor, unimodal: Sequence[Tensor], form: Form = "raw", theta: float = 0.0) -> Tensor:
    r"""The mean of :math:`-\log \sigma(\Delta_f - r - \theta)`.

    Args:
        fused: Margins :math:`\Delta_f`, shape [B].
        unimodal: Margins of the content modalities, each of shape [B].
        form: See :func:`synergy_margin`.
        theta: How much more the fused score must separate, :math:`\theta \ge 0`.

    Returns:
        A scalar.
    """
    return F.softplus(theta - synergy_margin(fused, unimodal, form)).mean()


def synergy_share(fused: Tensor, unimodal: Sequence[Tensor], form: Form = "raw", theta: float = 0.0) -> Tensor:
    r"""The share of triples with :math:`\Delta_f > r + \theta`, a scalar in [0, 1]."""
    return (synergy_margin(fused, unimodal, form).detach() > theta).float().mean()
