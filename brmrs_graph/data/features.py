"""What is done to features once, before training: rotation to fewer dimensions, centring and scaling.

Features may be mapped from a file that is larger than memory. What is done to them up to their rotation makes no copy
of them, not even of some rows at a time: memory that is freed between results that are kept is often not used again.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from scipy.linalg import eigh, get_blas_funcs
from torch import Tensor

from brmrs_graph.blas import as_many_threads

_ROWS = 32_768  # in one product


def zero_rows(x: Tensor) -> Tensor:
    """Which rows are zero throughout.

    Args:
        x: Features, shape [N, d], d > 0.

    Returns:
        Bool, shape [N].
    """
    low, high = x.aminmax(dim=1)
    return (low == 0) & (high == 0)


def finite_rows(x: Tensor) -> Tensor:
    """Which rows hold neither NaN nor infinite values.

    Args:
        x: Features, shape [N, d], d > 0.

    Returns:
        Bool, shape [N].
    """
    low, high = x.aminmax(dim=1)  # NaN if there is any
    return low.isfinite() & high.isfinite()


def rotate(x: Tensor, dim: int) -> tuple[Tensor, float]:
    r"""Projects features on their ``dim`` leading right singular vectors: :math:`x V_{:dim}`.

    The rotation is exact (an eigendecomposition of :math:`X^\top X`) and not centred, so that zero rows stay zero,
    and dot products are kept up to the energy that is left out. Beside x and the result, memory is a few d × d.

    Args:
        x: Features, on the CPU, shape [N, d].
        dim: Dimensions kept; with ``dim`` >= d the features come back as they are.

    Returns:
        The rotated features, shape [N, min(dim, d)], and the share of energy (squared norm) kept, in [0, 1].
    """
    if dim >= x.size(1):
        return x, 1.0
    vectors, _, kept = leading_directions(gram_of(x.split(_ROWS)), dim)
    rotated = x.new_empty(x.size(0), dim)
    with as_many_threads():
        for rows, part in zip(x.split(_ROWS), rotated.split(_ROWS), strict=True):
            np.matmul(rows.numpy(), vectors.numpy(), out=part.numpy())
    return rotated, kept


def gram_of(blocks: Iterable[Tensor]) -> Tensor:
    r"""The lower triangle of :math:`X^\top X`, which is all that :func:`leading_directions` reads.

    Args:
        blocks: The rows of X some at a time, each of shape [n, d]; at least one block.

    Returns:
        Shape [d, d]; what is above the diagonal means nothing.
    """
    upper = None  # as Fortran keeps it, which is the lower one as C does
    with as_many_threads():
        for x in blocks:
            syrk = get_blas_funcs("syrk", dtype=x.numpy().dtype)
            upper = syrk(1.0, x.numpy().T, beta=0.0 if upper is None else 1.0, c=upper, overwrite_c=True)
    assert upper is not None
    return torch.from_numpy(upper.T)


def leading_directions(gram: Tensor, dim: int) -> tuple[Tensor, Tensor, float]:
    r"""The ``dim`` leading right singular vectors of features, from :math:`X^\top X`.

    Args:
        gram: :math:`X^\top X`, shape [d, d]; only its lower triangle is read.
        dim: How many, at most d.

    Returns:
        The vectors as columns, shape [d, dim], the energy of each, shape [dim], descending, and the share of all
        energy (squared norm) that they keep, in [0, 1]. A vector is known up to its sign; its largest entry is
        positive (the first one, if several are equally large), whatever library computed it.

    Raises:
        LinAlgError: If there are none, as of values that are infinite or whose squares are.
    """
    energy = float(gram.diagonal().sum())
    try:
        values, vectors = _eigh(gram, dim)
    except np.linalg.LinAlgError:  # single precision may fail for few different items in many dimensions
        values, vectors = (found.to(gram.dtype) for found in _eigh(gram.double(), dim))
    leading = values.clamp(min=0).flip(0)
    return vectors.flip(1), leading, min(float(leading.sum()) / max(energy, 1e-12), 1.0)


def _eigh(gram: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    # The largest alone, ascending: a third of the time that all of them take.
    size = gram.size(0)
    with as_many_threads():
        # Transposed, it lies in memory as LAPACK wants it.
        values, vectors = eigh(gram.numpy().T, lower=False, subset_by_index=(size - dim, size - 1), check_finite=False)
    if len(values) < dim:  # SciPy says nothing
        raise np.linalg.LinAlgError("eigenvectors of a Gram matrix were not found; are features infinite or too large?")
    size = np.abs(vectors)
    largest = (size >= 0.999 * size.max(axis=0)).argmax(axis=0)  # the first of those that rounding cannot tell apart
    vectors = vectors * np.sign(vectors[largest, np.arange(dim)])
    return torch.from_numpy(values), torch.from_numpy(vectors)


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
    centred = (x - x[present].mean(dim=0)).masked_fill_(missing.unsqueeze(1), 0)
    scale = (centred.square().sum() / (present.sum() * x.size(1))).sqrt().clamp(min=1e-6)
    return centred.div_(scale)
