"""What is done to features once, before training: rotation to fewer dimensions, centring and scaling."""

from __future__ import annotations

import torch
from torch import Tensor


def rotate(x: Tensor, dim: int) -> tuple[Tensor, float]:
    r"""Projects features on their ``dim`` leading right singular vectors: :math:`x V_{:dim}`.

    The rotation is exact (an eigendecomposition of :math:`X^\top X`) and not centred, so that zero rows stay zero,
    and dot products are kept up to the energy that is left out.

    Args:
        x: Features, shape [N, d].
        dim: Dimensions kept; with ``dim`` >= d the features come back as they are.

    Returns:
        The rotated features, shape [N, min(dim, d)], and the share of energy (squared norm) kept, in [0, 1].
    """
    if dim >= x.size(1):
        return x, 1.0
    vectors, _, kept = leading_directions(x.t() @ x, dim)
    return x @ vectors, kept


def leading_directions(gram: Tensor, dim: int) -> tuple[Tensor, Tensor, float]:
    r"""The ``dim`` leading right singular vectors of features, from :math:`X^\top X`.

    Args:
        gram: :math:`X^\top X`, shape [d, d].
        dim: How many, at most d.

    Returns:
        The vectors as columns, shape [d, dim], the energy of each, shape [dim], descending, and the share of all
        energy (squared norm) that they keep, in [0, 1].
    """
    try:
        values, vectors = torch.linalg.eigh(gram)
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
        # Single precision often fails for few different items in many dimensions.
        values, vectors = (found.to(gram.dtype) for found in torch.linalg.eigh(gram.double()))
    values = values.clamp(min=0)
    leading = values[-dim:].flip(0)
    return vectors[:, -dim:].flip(1), leading, float(leading.sum() / values.sum().clamp(min=1e-12))


def standardize(x: Tensor, missing: Tensor) -> Tensor:
    """Centres each column over the items that have the modality and scales all by one factor to unit mean square.

    Rows of items that lack the modality come out as zeros.

    Args:
        x: Features, shape [N, d].
        missing: True where an item lacks the modality, bool, shape [N].
    """
    present = ~missing
    if not bool(present.any()):
        return torch.zeros_like(x)
    centred = (x - x[present].mean(dim=0)).masked_fill(missing.unsqueeze(1), 0)
    scale = (centred.square().sum() / (present.sum() * x.size(1))).sqrt().clamp(min=1e-6)
    return centred / scale
