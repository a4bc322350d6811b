"""Disentanglement of two views by orthogonality of the subspaces that they span."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def subspace_loss(first: Tensor, second: Tensor) -> Tensor:
    r"""The squared Frobenius norm of the cross-correlation between two views of the same rows.

    .. math::
        \Bigl\lVert \frac{1}{N} \hat A^\top \hat B \Bigr\rVert_F^2

    with rows centred over the batch and scaled to length 1. The difference loss of domain separation networks
    (Bousmalis et al., NeurIPS 2016), divided by :math:`N^2` so that it does not grow with the batch. Unlike
    :func:`~brmrs_graph.losses.orthogonality_loss`, which looks at the two vectors of each row, it is zero where no
    direction of one view varies together with any direction of the other over the batch.

    Args:
        first: View 1, shape [N, d].
        second: View 2 of the same N rows, shape [N, e].

    Returns:
        A scalar in [0, 1].
    """
    first, second = (F.normalize(x - x.mean(dim=0), dim=1) for x in (first, second))
    return (first.t() @ second / first.size(0)).square().sum()
