import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from brmrs_graph.diagnosis import MarginSample, information, pid

Floats = NDArray[np.float64]
TRIPLES = 10


def sample_of(rows: int | list[int], **margins: Floats) -> MarginSample:
    """Margins [P, n] of pairs; one user a pair, or the users given."""
    row = torch.tensor(rows if isinstance(rows, list) else list(range(rows)))
    tensors = {name: torch.from_numpy(x.astype(np.float32)) for name, x in margins.items()}
    return MarginSample(torch.arange(int(row.max()) + 1), row, tensors, tuple(margins))


def normal(seed: int, mean: float, users: int) -> Floats:
    return np.random.default_rng(seed).normal(mean, 1, (users, TRIPLES))


def exact_table(means: tuple[float, float], bins: int = 8) -> Floats:
    """The binned distribution of two independent normal margins with given means, without sampling."""
    given_y = []
    for mean in means:

        def beyond(x: float, share: float, mean: float = mean) -> float:
            return norm.cdf(x - mean) - norm.cdf(-x - mean) - share

        inner = [brentq(beyond, 0, 9, args=(2 * k / bins,)) for k in range(1, bins // 2)]
        edges = np.array([-np.inf, *(-x for x in inner[::-1]), 0, *inner, np.inf])
        given_y.append([np.diff(norm.cdf(edges - y * mean)) for y in (-1, 1)])
    return np.stack([np.outer(x1, x2) for x1, x2 in zip(*given_y, strict=True)], axis=2)


@pytest.mark.parametrize(("means", "bins"), [((1.0, 0.0), 8), ((0.8, 0.5), 8), ((0.8, 0.5), 2)])
def test_parts_of_normal_margins(means: tuple[float, float], bins: int) -> None:
    sample = sample_of(12_000, a=normal(0, means[0], 12_000), b=normal(1, means[1], 12_000))
    result, expected = information([sample], "a", "b", bins=bins), pid(exact_table(means, bins))
    found = (result.redundancy, result.unique["a"], result.unique["b"], result.synergy, result.total)
    exact = (expected.redundancy, expected.unique_first, expected.unique_second, expected.synergy, expected.total)
    assert [x.value for x in found] == pytest.approx(exact, abs=0.006)
    assert all(x.low <= x.value <= x.high and x.high - x.low < 0.02 for x in found)
    assert all(x.count == 120_000 for x in found)


def test_a_margin_that_is_never_wrong_tells_one_bit() -> None:
    sure, noise = np.abs(normal(0, 0, 3000)), normal(1, 0, 3000)
    sample = sample_of(3000, sure=sure, same=3 * sure, noise=noise)
    alone = information([sample], "sure", "noise", resamples=20)
    assert alone.unique["sure"].value == pytest.approx(1, abs=2e-3) and alone.total.value == pytest.approx(1, abs=2e-3)
    twice = information([sample], "sure", "same", resamples=20)
    assert twice.redundancy.value == pytest.approx(1, abs=1e-3)
    assert abs(twice.unique["sure"].value) < 1e-3 and abs(twice.synergy.value) < 1e-3
    swapped = information([sample], "noise", "sure", resamples=20)
    assert swapped.unique["sure"].value == pytest.approx(1, abs=1e-3)


def test_noise_tells_nothing_once_the_bias_is_subtracted() -> None:
    # 63 degrees of freedom: the plug-in estimate is about 63 / (2 · 5000 · ln 2) = 0.009 bits.
    results = [
        information([sample_of(500, a=normal(seed, 0, 500), b=normal(100 + seed, 0, 500))], "a", "b", resamples=20)
        for seed in range(8)
    ]
    assert np.mean([result.bias.total for result in results]) == pytest.approx(0.0091, abs=0.001)
    totals = [result.total.value for result in results]
    assert abs(np.mean(totals)) < 0.0012
    assert min(totals) < 0  # not clipped


def test_intervals_cover_the_truth() -> None:
    truth = pid(exact_table((0.8, 0.5)))
    covered = []
    for seed in range(12):
        sample = sample_of(400, a=normal(seed, 0.8, 400), b=normal(1000 + seed, 0.5, 400))
        result = information([sample], "a", "b", shuffles=5, resamples=100, seed=seed)
        pairs = ((result.total, truth.total), (result.redundancy, truth.redundancy), (result.synergy, truth.synergy))
        covered.append([x.low <= exact <= x.high for x, exact in pairs])
    # 95 % of 12; percentile intervals, which carry the bias twice, miss the synergy nearly always.
    assert (np.sum(covered, axis=0) >= 9).all()


def test_users_and_not_triples_are_resampled() -> None:
    free = normal(0, 0.7, 1000)
    tied = np.repeat(normal(1, 0.7, 1000)[:100, :1], 100, axis=1).reshape(1000, TRIPLES)  # 100 users, one margin each
    noise, users = normal(2, 0, 1000), np.repeat(np.arange(100), 10).tolist()
    width = {}
    for name, x in (("free", free), ("tied", tied)):
        total = information([sample_of(users, a=x, b=noise)], "a", "b", bins=2).total
        width[name] = total.high - total.low
    assert width["tied"] > 4 * width["free"]


def test_the_scale_of_a_margin_does_not_matter() -> None:
    a, b = normal(0, 0.6, 300), normal(1, 0.4, 300)
    expected = information([sample_of(300, a=a, b=b)], "a", "b", resamples=5)
    assert information([sample_of(300, a=64 * a, b=b / 8)], "a", "b", resamples=5) == expected


def test_margins_of_zero_tell_nothing() -> None:
    sample = sample_of(200, nothing=np.zeros((200, TRIPLES)), sure=np.abs(normal(0, 0, 200)))
    result = information([sample], "nothing", "sure")
    assert result.unique["sure"].value == pytest.approx(1, abs=0.01)
    assert abs(result.unique["nothing"].value) < 1e-3 and abs(result.synergy.value) < 1e-3
    assert information([sample], "nothing", "nothing").total.value == pytest.approx(0, abs=1e-6)


def test_seeds_are_pooled_and_resampled() -> None:
    good, bad = (
        sample_of(600, a=np.abs(normal(seed, 0, 600)) * sign, b=normal(9 + seed, 0, 600))
        for seed, sign in ((0, 1), (1, np.sign(normal(7, 0, 600))))
    )
    result = information([good, bad], "a", "b")
    # The pooled margin is right in three of four cases: 1 - H(1/4) = 0.189 bits; one run alone has 1 or 0.
    assert result.total.value == pytest.approx(0.189, abs=0.02) and result.total.count == 6000
    assert result.total.high - result.total.low > 0.3
    one = information([good, good], "a", "b")
    assert one.total.value == pytest.approx(1, abs=0.01) and one.total.high - one.total.low < 0.05


def test_the_seed_decides() -> None:
    sample = sample_of(50, a=normal(0, 0.6, 50), b=normal(1, 0.4, 50))
    first, again, other = (information([sample], "a", "b", seed=seed, resamples=10) for seed in (0, 0, 1))
    assert first == again != other


def test_without_triples_nothing_is_measured() -> None:
    empty = torch.empty(0, TRIPLES)
    sample = MarginSample(torch.arange(4), torch.empty(0, dtype=torch.int64), {"a": empty, "b": empty}, ("a", "b"))
    result = information([sample], "a", "b")
    assert str(result.total) == str(result.unique["b"]) == "not measured" and result.synergy.count == 0


def test_users_without_triples_may_be_drawn() -> None:
    row = torch.tensor([3])
    margins = {name: torch.ones(1, 5) for name in "ab"}
    result = information([MarginSample(torch.arange(4), row, margins, ("a", "b"))], "a", "b")
    assert np.isfinite([result.total.value, result.total.low, result.total.high]).all()


def test_bad_input_is_named() -> None:
    sample = sample_of(5, a=normal(0, 0, 5), b=normal(1, 0, 5))
    with pytest.raises(ValueError, match="7 bins cannot be symmetric about 0"):
        information([sample], "a", "b", bins=7)
    with pytest.raises(ValueError, match="no branch 'c'; the sample has: a, b"):
        information([sample], "a", "c")
    with pytest.raises(ValueError, match=r"2 samples of \[5, 6\] users"):
        information([sample, sample_of(6, a=normal(0, 0, 6), b=normal(1, 0, 6))], "a", "b")
    with pytest.raises(ValueError, match="at least one"):
        information([], "a", "b")
