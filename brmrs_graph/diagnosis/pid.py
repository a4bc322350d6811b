"""Partial information decomposition (PID): what two variables tell about a third, alone, twice, and only together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

Floats = NDArray[np.float64]

GAP = 1e-7
"""The solver stops once its solution provably lies within this of the optimum, in nats."""

TOLERATED = 1e-5
"""What is accepted where rounding keeps it from getting there, in nats."""

NOTHING = 1e-12
"""Probabilities below this are taken for zero: together they hold less information than the solver's accuracy."""

STEPS = 200
"""Most Newton steps; 10 to 50 are usual."""


@dataclass(frozen=True)
class PID:
    """The four parts of I(Y; X1, X2), in bits.

    Args:
        redundancy: What X1 and X2 both tell about Y.
        unique_first: What only X1 tells.
        unique_second: What only X2 tells.
        synergy: What neither tells but both together do.
    """

    redundancy: float
    unique_first: float
    unique_second: float
    synergy: float

    @property
    def total(self) -> float:
        """I(Y; X1, X2), the sum of the four."""
        return self.redundancy + self.unique_first + self.unique_second + self.synergy


def pid(p: ArrayLike | Tensor) -> PID:
    r"""The partial information decomposition of a joint distribution, as Bertschinger et al. define it ("BROJA").

    Among all distributions q that share with p both marginals :math:`(x_1, y)` and :math:`(x_2, y)`, let q be the one
    of least :math:`I_q(Y; X_1, X_2)`. It has no synergy that the two marginals do not force, so that

    .. math::
        U_1 = I_q(Y; X_1 \mid X_2), \quad U_2 = I_q(Y; X_2 \mid X_1), \quad
        R = I(Y; X_1) - U_1, \quad S = I_p(Y; X_1, X_2) - I_q(Y; X_1, X_2).

    Source: Bertschinger, Rauh, Olbrich, Jost, Ay, *Quantifying unique information*, Entropy 16 (2014).

    Args:
        p: Joint distribution or counts p[x1, x2, y], of any sizes; normalised here.

    Returns:
        The four parts in bits, exact to 1e-4.

    Raises:
        ValueError: If ``p`` is not a three-dimensional table of finite, non-negative numbers that are not all zero.

    Example:
        >>> xor = np.zeros((2, 2, 2))
        >>> xor[[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0]] = 1 / 4
        >>> round(pid(xor).synergy, 3)
        1.0
    """
    table = np.asarray(p.detach().cpu() if isinstance(p, Tensor) else p, dtype=np.float64)
    if table.ndim != 3:
        raise ValueError(f"a table p[x1, x2, y] has three axes, this one has shape {table.shape}")
    return PID(*broja(table[None])[0].tolist())


def broja(tables: ArrayLike) -> Floats:
    """The decomposition of :func:`pid` for many tables at once.

    Args:
        tables: Joint distributions or counts, shape [B, n1, n2, ny].

    Returns:
        Redundancy, unique of X1, unique of X2 and synergy in bits, float64, shape [B, 4].

    Raises:
        ValueError: If a table holds negative or no finite numbers, or nothing but zeros.
    """
    p = np.asarray(tables, dtype=np.float64)
    if p.ndim != 4:
        raise ValueError(f"tables [B, n1, n2, ny] have four axes, these have shape {p.shape}")
    total = p.sum(axis=(1, 2, 3), keepdims=True)
    if not np.isfinite(total).all() or (p < 0).any():
        raise ValueError("probabilities or counts must be finite and not negative")
    if (total == 0).any():
        raise ValueError("a table of zeros is no distribution; leave out tables without counts")
    p = p / total
    p = np.where(p < NOTHING, 0, p)
    p = p / p.sum(axis=(1, 2, 3), keepdims=True)
    first, second, both = (_information(x) for x in (p.sum(axis=2), p.sum(axis=1), _flat(p)))
    least = _information(_flat(_least_synergistic(p.sum(axis=2), p.sum(axis=1))))
    # Known bounds; the clipping takes away what the solver and rounding leave beyond them.
    least = np.clip(least, np.maximum(first, second), np.maximum(np.minimum(both, first + second), first))
    return np.stack([first + second - least, least - second, least - first, both - least], axis=1)


def _flat(p: Floats) -> Floats:
    return p.reshape(len(p), p.shape[1] * p.shape[2], p.shape[3])


def _information(p: Floats) -> Floats:
    """I(X; Y) in bits of tables p[b, x, y]."""
    independent = p.sum(axis=2, keepdims=True) * p.sum(axis=1, keepdims=True)
    logs = np.log2(np.where(p > 0, p, 1)) - np.log2(np.where(p > 0, independent, 1))
    return (p * logs).sum(axis=(1, 2))


def _least_synergistic(b1: Floats, b2: Floats) -> Floats:
    r"""The q of largest :math:`H_q(Y \mid X_1, X_2)` with given marginals, by a primal-dual interior-point method.

    First-order methods (alternating projections, Frank-Wolfe) need thousands of steps where the optimum lies on the
    boundary, as for AND. Here every step solves the linearised optimality conditions

    .. math::
        \log \frac{q}{\sum_y q} + \lambda_1(x_1, y) + \lambda_2(x_2, y) = z, \quad
        q z = \mu w, \quad \sum_{x_2} q = b_1, \quad \sum_{x_1} q = b_2

    and lowers :math:`\mu`. The weights w are the starting point :math:`b_1(x_1, y)\, b_2(x_2, y) / p(y)`; cells where
    it is zero are zero in every q.

    Args:
        b1: Marginals (x1, y), shape [B, n1, ny].
        b2: Marginals (x2, y), shape [B, n2, ny].

    Returns:
        q, shape [B, n1, n2, ny].

    Raises:
        RuntimeError: If the optimum was not reached, which no table is known to cause.
    """
    marginals = np.concatenate([b1, b2], axis=1)
    n1, per_y = b1.shape[1], b1.sum(axis=1)[:, None, None]
    weight = b1[:, :, None] * b2[:, None] / np.where(per_y > 0, per_y, 1)
    largest = np.minimum(b1[:, :, None], b2[:, None])  # no q exceeds it
    inside = weight > 0
    q, z, multipliers = weight, inside.astype(np.float64), np.zeros_like(marginals)
    for _ in range(STEPS):
        # q minus its optimum, times the gradient, bounds the distance of a convex function from its least value; that
        # the multipliers may be added to the gradient and that q lies between 0 and `largest` gives this bound of it.
        slope = np.where(inside, _log_share(q) + _spread(multipliers, n1), 0)
        gap = (q * slope + largest * np.maximum(-slope, 0)).sum(axis=(1, 2, 3))
        if (gap <= GAP).all():
            return q
        mu = np.maximum((q * z).sum(axis=(1, 2, 3)) / 5, GAP / 4)[:, None, None, None]
        wanted = np.where(inside, mu * weight / np.where(inside, q, 1), 0)  # of z
        dq, dm = _newton(q, z, slope - wanted, _sums(q) - marginals, marginals > 0)
        dz = np.where(inside, wanted - z - z * dq / np.where(inside, q, 1), 0)
        length = np.minimum(1, 0.95 * np.minimum(_room(q, dq), _room(z, dz)))
        length = np.where(gap <= GAP, 0, length)[:, None, None, None]  # the others are there already
        q, z, multipliers = q + length * dq, z + length * dz, multipliers + length[..., 0] * dm
    if (gap > TOLERATED).any():
        raise RuntimeError(f"the decomposition did not converge: {gap.max():.1e} nats from the optimum")
    return q


def _newton(q: Floats, z: Floats, residual: Floats, excess: Floats, used: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Changes of q and of the multipliers that solve the linearised conditions.

    The Hessian has one block per cell (x1, x2), diag((1 + z) / q) - 1 / sum(q), whose inverse is known in closed form.
    What is left is one dense system per table, as large as there are marginal probabilities.

    Args:
        q: Current solution, shape [B, n1, n2, ny].
        z: Current slacks, same shape.
        residual: Gradient of the Lagrangian with the slacks that are wanted, same shape.
        excess: Marginals of q minus those asked for, shape [B, n1 + n2, ny].
        used: Marginals that are not zero, same shape.
    """
    batch, n1, n2, ny = q.shape
    size = (n1 + n2) * ny
    scaled = q / (1 + z)
    rest = (scaled * z).sum(axis=-1, keepdims=True)
    rest = np.where(rest > 0, rest, 1)

    def inverse_hessian(v: Floats) -> Floats:
        return scaled * (v + (scaled * v).sum(axis=-1, keepdims=True) / rest)

    blocks = scaled[..., :, None] * scaled[..., None, :] / rest[..., None]
    blocks[..., range(ny), range(ny)] += scaled
    system = np.zeros((batch, n1 + n2, ny, n1 + n2, ny))
    first, second = np.arange(n1), np.arange(n1, n1 + n2)
    system[:, first, :, first] = blocks.sum(axis=2).swapaxes(0, 1)
    system[:, second, :, second] = blocks.sum(axis=1).swapaxes(0, 1)
    system[:, :n1, :, n1:] = blocks.transpose(0, 1, 3, 2, 4)
    system[:, n1:, :, :n1] = blocks.transpose(0, 2, 4, 1, 3)
    system = system.reshape(batch, size, size)
    # Rows and columns are scaled to a diagonal of 1; marginals of zero get a row of their own. For every y the (x1, y)
    # sum to the same as the (x2, y), so the system is singular in a direction of the multipliers that changes nothing.
    # The small diagonal makes it solvable, and what it leaves in that direction cancels where multipliers are added.
    diagonal = np.einsum("bii->bi", system)
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1))
    system = system * scale[:, :, None] * scale[:, None] + np.eye(size) * (1e-13 + (diagonal <= 0))[:, None]
    right = (excess - _sums(inverse_hessian(residual))).reshape(batch, size) * scale
    dm = (np.linalg.solve(system, right[..., None])[..., 0] * scale).reshape(excess.shape) * used
    return -inverse_hessian(np.where(q > 0, residual + _spread(dm, n1), 0)), dm


def _log_share(q: Floats) -> Floats:
    """The logarithm of q(y | x1, x2), which is the gradient of -H(Y | X1, X2); 0 where q is."""
    total = q.sum(axis=-1, keepdims=True)
    return np.log(np.where(q > 0, q, 1)) - np.log(np.where(q > 0, total, 1))


def _sums(q: Floats) -> Floats:
    """Marginals (x1, y), then (x2, y)."""
    return np.concatenate([q.sum(axis=2), q.sum(axis=1)], axis=1)


def _spread(multipliers: Floats, n1: int) -> Floats:
    """The transpose of :func:`_sums`."""
    return multipliers[:, :n1, None] + multipliers[:, None, n1:]


def _room(x: Floats, dx: Floats) -> Floats:
    """How many steps dx a table of x can take until one of its entries is zero."""
    falls = dx < 0
    return np.where(falls, x / np.where(falls, -dx, 1), np.inf).min(axis=(1, 2, 3))
