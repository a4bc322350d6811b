"""Paired comparisons of two models over the same users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from brmrs_graph.evaluation.intervals import seed_weights

Name = TypeVar("Name")


@dataclass(frozen=True)
class PairedDifference:
    """The difference of two means over the same users.

    Args:
        mean: Mean of first minus second.
        low: Lower end of the 95 % interval.
        high: Upper end of the 95 % interval.
        p_value: Two-sided bootstrap p-value of "no difference".
    """

    mean: float
    low: float
    high: float
    p_value: float


def paired_bootstrap(first: ArrayLike, second: ArrayLike, *, samples: int = 10_000, seed: int = 0) -> PairedDifference:
    """Bootstraps the mean difference of two models over users and, where there are several, over seeds.

    Each resample draws seeds with replacement (one less than there are, see
    :func:`~brmrs_graph.evaluation.resampled_sums`) and, independently, users with replacement, so that the interval
    covers both what other users and what other runs would have given. Of a model with one seed there is no other run to
    draw: the interval leaves out its spread over seeds, and runs that differ in the seed alone may come out as
    different.

    Args:
        first: Metric of the first model, shape [users] or [seeds, users].
        second: Metric of the second model, same users; the number of seeds may differ.
        samples: Bootstrap resamples.
        seed: Seed of the resampling.

    Returns:
        The difference; without users NaN.

    Raises:
        ValueError: If the two do not cover the same users.
    """
    a, b = (np.atleast_2d(np.asarray(x, dtype=np.float64)) for x in (first, second))
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"the models were evaluated on {a.shape[1]} and {b.shape[1]} users; pair the same users")
    rng = np.random.default_rng(seed)
    users = a.shape[1]
    if not users:
        return PairedDifference(np.nan, np.nan, np.nan, np.nan)
    means = np.empty(samples)
    for start in range(0, samples, 200):
        n = min(200, samples - start)
        weights = rng.multinomial(users, np.full(users, 1 / users), size=n) / users  # users drawn, as counts
        seeds_a, seeds_b = (seed_weights(rng, len(x), n) for x in (a, b))
        means[start : start + n] = ((weights @ a.T) * seeds_a).sum(1) - ((weights @ b.T) * seeds_b).sum(1)
    low, high = np.quantile(means, [0.025, 0.975])
    # Share of resamples on the other side of zero, both ways; never reported below one resample.
    tail = min((means <= 0).mean(), (means >= 0).mean())
    return PairedDifference(
        float(a.mean() - b.mean()), float(low), float(high), float(min(1.0, 2 * max(tail, 1 / samples)))
    )


def holm(p_values: Mapping[Name, float]) -> dict[Name, float]:
    r"""Adjusts p-values for testing several hypotheses at once, so that the chance of *any* false rejection is bounded.

    With the m p-values sorted, :math:`\tilde p_{(i)} = \max_{j \le i} \min(1, (m - j + 1)\, p_{(j)})`; rejecting where
    :math:`\tilde p \le \alpha` bounds the chance by :math:`\alpha`, however the tests depend on each other. From "A
    Simple Sequentially Rejective Multiple Test Procedure" (Holm, 1979).

    Args:
        p_values: p-values by name.

    Returns:
        Adjusted p-values by name, in the order given.
    """
    adjusted: dict[Name, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}
