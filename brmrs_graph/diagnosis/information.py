"""How much of what two modalities tell about a held-out pair is redundant, unique, or synergy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brmrs_graph.diagnosis.margins import MarginSample
from brmrs_graph.diagnosis.pid import PID, broja
from brmrs_graph.evaluation import Estimate, resampled_sums

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Information:
    r"""The decomposition of :math:`I(Y; \Delta_1, \Delta_2)` for two modalities, in bits of at most 1.

    Values have the bias subtracted; one that is truly zero can therefore come out slightly negative, and is left so.

    How to read it: what only the *weaker* modality could add counts as unique only where the stronger one cannot stand
    in for it. Of two independent, normally distributed margins the weaker has nothing unique; that two noisy views
    together are surer than the better one is synergy. A unique part of zero does not say that a modality is useless.

    Args:
        redundancy: What both margins tell.
        unique: Modality -> what only its margin tells.
        synergy: What only both together tell.
        total: The sum of the four.
        bias: What the same tables show when the labels are shuffled, which is subtracted.
    """

    redundancy: Estimate
    unique: Mapping[str, Estimate]
    synergy: Estimate
    total: Estimate
    bias: PID


def information(
    samples: Sequence[MarginSample],
    first: str,
    second: str,
    *,
    bins: int = 8,
    shuffles: int = 20,
    resamples: int = 200,
    seed: int = 0,
) -> Information:
    r"""The partial information decomposition of the margins of two modalities.

    Each triple (u, i+, j) is shown in a random order: with Y = 1 as it is, with Y = -1 with the two items swapped and
    the signs of the margins turned. How well can Y be told from the margins? They are cut into ``bins`` bins,
    symmetric about 0 (a margin of exactly 0 counts as negative), at the quantiles of :math:`|\Delta|` of each run.

    Counted frequencies show information even where there is none; the mean over shuffled labels is subtracted.
    Resampling users adds this bias once more. The intervals are therefore the basic ones, which reflect the resampled
    values at the plug-in value, bias and all: :math:`[2\hat\theta - \theta^*_{.975}, 2\hat\theta - \theta^*_{.025}]`.
    A part that is zero in every resample has an interval of no length at 0; as the subtracted bias is that of margins
    that tell nothing, its value is a little below, and the interval is drawn out to reach it.

    Args:
        samples: One sample for every seed of a model, of the same users.
        first: The first modality.
        second: The second modality.
        bins: Bins of each margin, an even number.
        shuffles: Shuffles of the labels.
        resamples: Bootstrap resamples of users and seeds.
        seed: Seed of swaps, shuffles and resamples.

    Returns:
        Estimates in bits whose count is the number of triples of a run; "not measured" where there are none.

    Raises:
        ValueError: If ``bins`` is odd, if there is no sample, or if the samples are of different users.
    """
    if bins < 2 or bins % 2:
        raise ValueError(f"{bins} bins cannot be symmetric about 0; choose an even number")
    if len(sizes := {len(sample.users) for sample in samples}) != 1:
        raise ValueError(f"{len(samples)} samples of {sorted(sizes)} users; give at least one, all of the same users")
    shape = (bins, bins, 2)
    counts, shuffled = [], np.zeros((shuffles, 2 * bins**2))
    for run, sample in enumerate(samples):
        rng = np.random.default_rng([seed, run])
        row = sample.triple_row
        y = rng.integers(0, 2, row.size)
        x1, x2 = (_bins(sample.flat(name), y, bins) for name in (first, second))
        x = (x1 * bins + x2) * 2
        size = 2 * bins**2
        counted = np.bincount(row * size + x + y, minlength=len(sample.users) * size)
        counts.append(counted.reshape(len(sample.users), size).astype(np.float64))
        shuffled += [np.bincount(x + rng.permutation(y), minlength=size) for _ in range(shuffles)]
    by_user = np.stack(counts)
    table = by_user.sum(axis=(0, 1))
    if not table.any():
        nothing = Estimate(np.nan, np.nan, np.nan, 0)
        return Information(nothing, dict.fromkeys((first, second), nothing), nothing, nothing, PID(*[np.nan] * 4))
    sums = resampled_sums(by_user, samples=resamples, seed=seed)
    sums = sums[sums.any(axis=1)]  # few users, of whom some have no triples
    parts = broja(np.concatenate([table[None], shuffled, sums]).reshape(-1, *shape))
    parts = np.concatenate([parts, parts.sum(axis=1, keepdims=True)], axis=1)
    plug_in, bias = parts[0], parts[1 : 1 + shuffles].mean(axis=0)
    values = plug_in - bias
    low, high = 2 * plug_in - np.quantile(parts[1 + shuffles :], [0.975, 0.025], axis=0)
    low, high = np.minimum(low, values), np.maximum(high, values)
    count = round(table.sum() / len(samples))
    redundancy, unique_first, unique_second, synergy, total = (
        Estimate(float(value), float(a), float(b), count) for value, a, b in zip(values, low, high, strict=True)
    )
    unique = {first: unique_first, second: unique_second}
    return Information(redundancy, unique, synergy, total, PID(*bias[:4].tolist()))


def _bins(margin: Floats, y: NDArray[np.int64], bins: int) -> NDArray[np.int64]:
    """The bin of every margin after the swap, 0 to ``bins - 1``."""
    half = bins // 2
    size = np.abs(margin)
    ring = np.searchsorted(np.quantile(size, np.arange(1, half) / half), size) if size.size else size.astype(np.int64)
    positive = np.where(y == 1, margin, -margin) > 0
    return ring + half * positive
