"""Disentanglement of two views by orthogonality."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def orthogonality_loss(first: Tensor, second: Tensor) -> Tensor:
    r"""The mean squared cosine between the two views of each item, :math:`\frac{1}{N}\sum_i \cos(a_i, b_i)^2`.

    Zero exactly where every item's two vectors are at right angles, the soft subspace constraint of domain separation
    networks (Bousmalis et al., NeurIPS 2016) taken item by item.

    Args:
        first: View 1, shape [N, d].
        second: View 2 of the same N items, shape [N, d].

    Returns:
        A scalar.
    """
    return F.cosine_similarity(first, second, dim=1).square().mean()
