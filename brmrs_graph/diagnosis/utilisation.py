"""How much of what the single modalities tell about a held-out pair the fused score still holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from brmrs_graph.branches import FUSED
from brmrs_graph.diagnosis.margins import MarginSample
from brmrs_graph.evaluation import Measurement

Floats = NDArray[np.float64]

BEND = 3.0
"""Beyond this many standard deviations the curved terms stay constant, so that no tail can turn a fit over."""


def utilisation(sample: MarginSample, *, folds: int = 5, ridge: float = 1e-6, seed: int = 0) -> Measurement:
    r"""The information of the fused margin as a share of that of the margins of all modalities.

    .. math::
        \frac{I(\Delta_f; Y)}{I(\Delta_1, \dots, \Delta_M; Y)}, \qquad
        I(\Delta; Y) = H(Y) - \text{log-loss of a logistic regression on } \Delta \text{, in bits, cross-validated}

    with Y the order in which the two items of a triple are shown (H(Y) = 1 bit), see
    :func:`~brmrs_graph.diagnosis.information`. Showing them in the other order turns the sign of every margin, so the
    log-odds are an odd function of the margins; with :math:`x = \Delta / \text{rms}` they are a sum of
    :math:`x_a`, :math:`x_a |x_a|` and the interactions :math:`x_a |x_b|`. A value over 1 means that the fused score
    knows what no modality does (an ID branch, for instance); it is not clipped.

    Args:
        sample: Margins of one run.
        folds: Parts of the users; each is predicted by a regression on the others.
        ridge: Weight of the squared coefficients; keeps them finite where the margins never err.
        seed: Seed of the division into folds.

    Returns:
        The ratio, its log-losses summed by user; not a number where the modalities together tell nothing. Its interval
        covers other users and seeds, not the fit of the regressions.

    Raises:
        ValueError: If the model has no unimodal branches.
    """
    if not sample.modalities:
        raise ValueError("the model has no unimodal branches, so there is nothing that its fused score could use")
    row, users = sample.triple_row, len(sample.users)
    fused = sample.flat(FUSED)
    single = np.stack([sample.flat(name) for name in sample.modalities], axis=1)
    fold = (np.random.default_rng(seed).permutation(users) % folds)[row]
    losses = [_cross_validated(_odd_basis(x), fold, folds, ridge) for x in (fused[:, None], single)]
    sums = [np.bincount(row, weights=x, minlength=users) for x in (*losses, np.ones_like(fused))]
    return Measurement((np.stack(sums, axis=1, dtype=np.float64),), _ratio)


def _ratio(sums: Floats) -> Floats:
    fused, single = (1 - sums[..., i] / sums[..., 2] for i in (0, 1))
    return np.where(single > 0, fused / single, np.nan)


def _odd_basis(margins: Floats) -> Floats:
    """Columns that change their sign with all margins [T, M]: M linear, M² curved."""
    rms = np.sqrt(np.mean(margins**2, axis=0)) if len(margins) else np.ones(margins.shape[1])
    x = margins / np.where(rms > 0, rms, 1)
    bent = x.clip(-BEND, BEND)
    curved = bent[:, :, None] * np.abs(bent)[:, None, :]
    return np.concatenate([x, curved.reshape(len(x), x.shape[1] ** 2)], axis=1)


def _cross_validated(x: Floats, fold: NDArray[np.int64], folds: int, ridge: float) -> Floats:
    """Log-loss of every row in bits, predicted by a regression on the rows of the other folds."""
    loss = np.zeros(len(x))
    for held_out in (fold == i for i in range(folds)):
        loss[held_out] = _loss(x[held_out] @ _fit(x[~held_out], ridge)) / np.log(2)
    return loss


def _loss(log_odds: Floats) -> Floats:
    return np.logaddexp(0, -log_odds)


def _fit(x: Floats, ridge: float, steps: int = 50) -> Floats:
    """Logistic regression without intercept on rows shown with Y = 1, by Newton's method.

    Swapped rows need not be shown: with an odd basis their loss is the same.
    """
    w = np.zeros(x.shape[1])
    if len(x) == 0:
        return w

    def objective(w: Floats) -> float:
        return float(_loss(x @ w).mean() + ridge / 2 * w @ w)

    value = objective(w)
    for _ in range(steps):
        wrong = 1 / (1 + np.exp(np.clip(x @ w, -500, 500)))
        gradient = ridge * w - x.T @ wrong / len(x)
        curvature = (x * (wrong * (1 - wrong))[:, None]).T @ x / len(x) + ridge * np.eye(len(w))
        step = np.linalg.solve(curvature, gradient)
        decrement, length = float(gradient @ step), 1.0
        if decrement < 1e-12:
            break
        while (new := objective(w - length * step)) > value - 0.1 * length * decrement and length > 1e-6:
            length /= 2
        w, value = w - length * step, new
    return w
