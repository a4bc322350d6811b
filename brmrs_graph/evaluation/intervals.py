"""Estimates with bootstrap intervals, for anything that is a function of sums over users."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Totals: TypeAlias = Floats | sp.csr_array


@dataclass(frozen=True)
class Estimate:
    """A measured value with its 95 % interval.

    Args:
        value: The value; NaN where there was nothing to measure.
        low: Lower end of the interval.
        high: Upper end of the interval.
        count: On how much the value rests (pairs, users, …, as the measure says).
    """

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        if np.isnan(self.value):
            return "not measured"
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


def resampled_sums(totals: ArrayLike, *, samples: int = 1000, seed: int = 0, stream: int = 1) -> Floats:
    """Sums over users, for bootstrap resamples of the users and, where there are several, of the seeds.

    Users are the unit because the pairs of one user are not independent. As in
    :func:`~brmrs_graph.evaluation.paired_bootstrap`, seeds and users are drawn with replacement, independently. Of S
    seeds only S - 1 are drawn, which makes the variance of a mean over seeds unbiased; S would make it too small by
    the factor (S - 1) / S, a half for two seeds. From "Resampling Inference with Complex Survey Data" (Rao and Wu,
    1988). Users are so many that it makes no difference for them.

    Args:
        totals: What every user adds to c sums, shape [users, c] or [seeds, users, c].
        samples: Bootstrap resamples.
        seed: Seed of the resampling; the same seed and number of users give the same resamples, so that differences
            between measures of the same users are paired.
        stream: Stream of random numbers, 1 or more, that draws the seeds: those of two models belong to different runs
            and are drawn each for itself, from streams of different numbers.

    Returns:
        Sums, averaged over seeds, float64, shape [samples, c].
    """
    x = np.asarray(totals, dtype=np.float64)
    return _resampled([tuple(x[None] if x.ndim == 2 else x)], samples, seed, stream)[0]


def _resampled(arrays: Sequence[Sequence[Totals]], samples: int, seed: int, stream: int) -> list[Floats]:
    """Resampled sums of several arrays [users, c] for each of the same seeds, see :func:`resampled_sums`."""
    num_seeds, users = len(arrays[0]), arrays[0][0].shape[0]
    # Users have a stream of their own, so that they are drawn alike whatever the number of seeds.
    draw_users, draw_seeds = (np.random.default_rng([seed, number]) for number in (0, stream))
    sums = [np.zeros((samples, by_seed[0].shape[1])) for by_seed in arrays]
    for start in range(0, samples if users else 0, 100):
        n = min(100, samples - start)
        # How often each user is drawn; counting draws is several times faster than drawing from the multinomial.
        drawn = draw_users.integers(users, size=(n, users)) + users * np.arange(n)[:, None]
        weights = np.bincount(drawn.reshape(-1), minlength=n * users).reshape(n, users).astype(np.float64)
        seeds = seed_weights(draw_seeds, num_seeds, n)
        for of_array, by_seed in zip(sums, arrays, strict=True):
            for number, by_user in enumerate(by_seed):
                of_array[start : start + n] += seeds[:, [number]] * (weights @ by_user)
    return sums


def seed_weights(rng: np.random.Generator, num_seeds: int, samples: int) -> Floats:
    """The weight of every seed in resamples that draw all but one of them, with replacement; of one seed, itself.

    Args:
        rng: Draws the seeds.
        num_seeds: Number of seeds S.
        samples: Resamples.

    Returns:
        How often each seed is drawn / number of draws, float64, shape [samples, S]; rows sum to 1.
    """
    draws = max(num_seeds - 1, 1)
    return rng.multinomial(draws, np.full(num_seeds, 1 / num_seeds), size=samples) / draws


@dataclass(frozen=True)
class Measurement:
    """What a measure rests on: sums by user, and how a value follows from them.

    Keeping the sums and not the value alone is what gives every measure its interval, over users and over seeds.
    Measurements that follow from the same sums share the arrays; they are resampled once.

    Args:
        totals: What every user adds to c sums, seed by seed: float64 arrays of shape [users, c], sparse where most
            are 0.
        statistic: Maps sums, shape [..., c], to values, shape [...]; 0 / 0 may be NaN.
        counted: The sum that tells on how much the value rests.
    """

    totals: tuple[Totals, ...]
    statistic: Callable[[Floats], Floats]
    counted: int = -1

    @classmethod
    def ratio(cls, numerator: ArrayLike, denominator: ArrayLike) -> Measurement:
        """A ratio of two sums over users: a share of pairs, or, with a denominator of ones, a mean over users.

        Args:
            numerator: By user, shape [users].
            denominator: By user, shape [users].
        """
        totals = np.stack([np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)], axis=-1)
        return cls((totals,), lambda s: s[..., 0] / s[..., 1])

    @classmethod
    def over_seeds(cls, runs: Sequence[Measurement]) -> Measurement:
        """The same measure of the same users in runs with several seeds.

        Raises:
            ValueError: If the runs were evaluated on different users.
        """
        if len(users := {run.num_users for run in runs}) > 1:
            raise ValueError(f"the runs were evaluated on {' and '.join(map(str, sorted(users)))} users; pair the same")
        totals = tuple(by_user for run in runs for by_user in run.totals)
        return cls(totals, runs[0].statistic, runs[0].counted)

    @property
    def num_users(self) -> int:
        """Number of users that the sums are over."""
        return int(self.totals[0].shape[0])

    def estimate(self, *, samples: int = 1000, seed: int = 0) -> Estimate:
        """The value with its 95 % percentile interval over users and seeds."""
        return estimates({"": self}, samples=samples, seed=seed)[""]

    def minus(self, other: Measurement, *, samples: int = 1000, seed: int = 0) -> Estimate:
        """The difference to another measurement of the same users, which are resampled alike for both.

        Raises:
            ValueError: If the two do not cover the same users.
        """
        return differences({"": self}, {"": other}, samples=samples, seed=seed)[""]

    def _estimate(self, value: float, resampled: Floats) -> Estimate:
        finite = resampled[np.isfinite(resampled)]
        low, high = np.quantile(finite, [0.025, 0.975]) if finite.size and np.isfinite(value) else (np.nan, np.nan)
        count = np.mean([_sums(by_user)[self.counted] for by_user in self.totals])
        return Estimate(value, float(low), float(high), round(float(count)))


def estimates(measurements: Mapping[str, Measurement], *, samples: int = 1000, seed: int = 0) -> dict[str, Estimate]:
    """The estimates of many measurements of the same users and seeds, by name; they are resampled together."""
    values = _values(measurements, samples, seed)
    return {name: measurements[name]._estimate(*values[name]) for name in measurements}


def differences(
    first: Mapping[str, Measurement], second: Mapping[str, Measurement], *, samples: int = 1000, seed: int = 0
) -> dict[str, Estimate]:
    """The differences of many measurements, by name; users are resampled alike for both, seeds each for itself.

    Args:
        first: Measurements of the first model.
        second: Those of the second, of the same users; names that only one has are left out.
        samples: Bootstrap resamples.
        seed: Seed of the resampling.

    Raises:
        ValueError: If the two do not cover the same users.
    """
    names = [name for name in first if name in second]
    for name in names:
        if (users := first[name].num_users) != (others := second[name].num_users):
            raise ValueError(f"the measurements cover {users} and {others} users; pair the same users")
    ours, theirs = (
        _values({name: of[name] for name in names}, samples, seed, stream)
        for stream, of in enumerate((first, second), start=1)
    )
    return {
        name: first[name]._estimate(ours[name][0] - theirs[name][0], ours[name][1] - theirs[name][1]) for name in names
    }


def _values(
    measurements: Mapping[str, Measurement], samples: int, seed: int, stream: int = 1
) -> dict[str, tuple[float, Floats]]:
    # The value of the data and the values of the resamples, by name.
    if not measurements:
        return {}
    if len(seeds := {len(measurement.totals) for measurement in measurements.values()}) > 1:
        raise ValueError(f"the measurements are of {' and '.join(map(str, sorted(seeds)))} seeds; take the same of all")
    shared = {_identity(measurement): measurement.totals for measurement in measurements.values()}
    dense = [key for key, by_seed in shared.items() if not sp.issparse(by_seed[0])]
    # Dense arrays have few columns each, and there are many: one product for all.
    groups = [group for group in (dense, *([key] for key in shared if key not in dense)) if group]
    arrays = [_side_by_side([shared[key] for key in group]) for group in groups]
    parts: dict[tuple[int, ...], Floats] = {}
    for group, by_seed, resampled in zip(groups, arrays, _resampled(arrays, samples, seed, stream), strict=True):
        sums = np.concatenate([np.mean([_sums(by_user) for by_user in by_seed], axis=0, keepdims=True), resampled])
        stops = np.cumsum([shared[key][0].shape[1] for key in group])
        parts |= dict(zip(group, np.split(sums, stops[:-1], axis=1), strict=True))
    values = {}
    for name, measurement in measurements.items():
        with np.errstate(divide="ignore", invalid="ignore"):
            value = measurement.statistic(parts[_identity(measurement)])
        values[name] = float(value[0]), value[1:]
    return values


def _side_by_side(arrays: Sequence[tuple[Totals, ...]]) -> tuple[Totals, ...]:
    """The columns of several arrays, all dense, as one, seed by seed; one alone, of either kind, stays as it is."""
    return arrays[0] if len(arrays) == 1 else tuple(np.concatenate(x, axis=1) for x in zip(*arrays, strict=True))


def _sums(by_user: Totals) -> Floats:
    """Sums over users, shape [c]."""
    return np.asarray(by_user.sum(axis=0), dtype=np.float64).reshape(-1)


def _identity(measurement: Measurement) -> tuple[int, ...]:
    """Equal for measurements that share their arrays."""
    return tuple(id(by_user) for by_user in measurement.totals)
