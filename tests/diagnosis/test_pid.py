from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.optimize import minimize

from brmrs_graph.diagnosis import PID, broja, pid

Floats = NDArray[np.float64]

TABLES = (
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
    .flatmap(lambda shape: arrays(np.float64, shape, elements=st.integers(0, 5).map(float)))
    .filter(lambda p: p.any())
)


def gate(y: Callable[[int, int], int], same: bool = False) -> Floats:
    """Y as a function of two bits, independent and fair, or the same bit twice."""
    p = np.zeros((2, 2, 4))
    for a in range(2):
        for b in range(2):
            if not same or a == b:
                p[a, b, y(a, b)] += 1
    return p


def parts(p: Floats) -> Floats:
    return broja(p[None])[0]


def information(p: Floats) -> float:
    """I(X; Y) in bits of a table p[x, y]."""
    p = p / p.sum()
    independent = np.outer(p.sum(axis=1), p.sum(axis=0))
    return float((p[p > 0] * np.log2(p[p > 0] / independent[p > 0])).sum())


def second_opinion(p: Floats) -> Floats:
    r"""The parts from the dual of the definition, solved by a general-purpose method.

    Least :math:`I_q` is :math:`H(Y)` plus the largest :math:`\sum b_1 \mu_1 + \sum b_2 \mu_2` under which
    :math:`\sum_y e^{\mu_1(x_1, y) + \mu_2(x_2, y)} \le 1` everywhere. What is found meets that exactly, so it can only
    be too low, while a primal solution can only be too high: agreement proves both.
    """
    p = p / p.sum()
    n1, n2, ny = p.shape
    marginals = np.concatenate([p.sum(axis=1), p.sum(axis=0)]).ravel()

    def shares(mu: Floats) -> Floats:
        mu = mu.reshape(-1, ny)
        return np.exp(mu[:n1, None] + mu[None, n1:])

    def slope(mu: Floats) -> Floats:
        by_cell = np.zeros((n1, n2, n1 + n2, ny))
        by_cell[range(n1), :, range(n1)] = -shares(mu)
        by_cell[:, range(n2), range(n1, n1 + n2)] = -shares(mu)
        return by_cell.reshape(n1 * n2, -1)

    found = minimize(
        lambda mu: (-marginals @ mu, -marginals),
        np.full(marginals.size, -np.log(ny) / 2),
        jac=True,
        bounds=[(-40, 40)] * marginals.size,
        constraints={"type": "ineq", "fun": lambda mu: 1 - shares(mu).sum(axis=2).ravel(), "jac": slope},
        method="SLSQP",
        options={"maxiter": 2000, "ftol": 1e-12},
    )
    y = p.sum(axis=(0, 1))
    dual = (marginals @ found.x - np.log(shares(found.x).sum(axis=2).max())) / np.log(2)
    least = dual - (y[y > 0] * np.log2(y[y > 0])).sum()
    first, second, both = information(p.sum(axis=1)), information(p.sum(axis=0)), information(p.reshape(-1, ny))
    return np.array([first + second - least, least - second, least - first, both - least])


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (gate(lambda a, b: a, same=True), (1, 0, 0, 0)),
        (gate(lambda a, b: a ^ b), (0, 0, 0, 1)),
        (gate(lambda a, b: a), (0, 1, 0, 0)),
        (gate(lambda a, b: b), (0, 0, 1, 0)),
        (gate(lambda a, b: 2 * a + b), (0, 1, 1, 0)),
        (gate(lambda a, b: a & b), (0.75 * np.log2(4 / 3), 0, 0, 0.5)),
        (gate(lambda a, b: 0), (0, 0, 0, 0)),
    ],
    ids=["RDN", "XOR", "UNQ", "UNQ of the second", "COPY", "AND", "constant"],
)
def test_known_gates(table: Floats, expected: tuple[float, ...]) -> None:
    result = pid(table)
    found = (result.redundancy, result.unique_first, result.unique_second, result.synergy)
    assert found == pytest.approx(expected, abs=1e-6)
    assert result.total == pytest.approx(sum(expected), abs=1e-6)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([[[5, 4], [3, 1]], [[2, 0], [0, 0]]], (0.008471, 0.076753, 0.0, 0.022085)),
        (
            [[[2, 0], [0, 0], [0, 4]], [[3, 4], [1, 4], [5, 2]], [[3, 6], [5, 6], [2, 4]]],
            (0.002391, 0.005146, 0.0, 0.160923),
        ),
        ([[[5, 2, 2], [6, 1, 1]], [[4, 4, 0], [0, 2, 5]]], (0.004834, 0.103292, 0.076118, 0.234993)),
    ],
)
def test_agrees_with_dit(table: list[list[list[int]]], expected: tuple[float, ...]) -> None:
    # Answers of dit 2.3 (dit.pid.PID_BROJA). On other tables it stops short of the optimum, by up to 0.02 bits.
    assert parts(np.array(table)) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 2, 2), (3, 3, 3), (4, 4, 2), (8, 8, 2)])
@pytest.mark.parametrize("zeros", [0.0, 0.4])
def test_agrees_with_a_general_purpose_solver(shape: tuple[int, int, int], zeros: float) -> None:
    rng = np.random.default_rng(round(10 * zeros) + sum(shape))
    for _ in range(3):
        p = rng.gamma(1, size=shape) * (rng.random(shape) >= zeros)
        assert parts(p) == pytest.approx(second_opinion(p), abs=1e-6)


@settings(deadline=None)
@given(TABLES)
def test_parts_add_up_and_are_not_negative(p: Floats) -> None:
    redundancy, first, second, synergy = parts(p)
    assert min(redundancy, first, second, synergy) > -1e-9
    assert redundancy + first == pytest.approx(information(p.sum(axis=1)), abs=1e-9)
    assert redundancy + second == pytest.approx(information(p.sum(axis=0)), abs=1e-9)
    assert pid(p).total == pytest.approx(information(p.reshape(-1, p.shape[2])), abs=1e-9)


@settings(deadline=None)
@given(TABLES, st.randoms(use_true_random=False))
def test_names_of_symbols_do_not_matter(p: Floats, random: object) -> None:
    expected = parts(p)
    assert parts(p.swapaxes(0, 1)) == pytest.approx(expected[[0, 2, 1, 3]], abs=1e-6)
    orders = [list(range(n)) for n in p.shape]
    for order in orders:
        random.shuffle(order)  # type: ignore[attr-defined]
    assert parts(p[np.ix_(*orders)]) == pytest.approx(expected, abs=1e-6)


@settings(deadline=None)
@given(TABLES, st.floats(0.1, 0.9), st.floats(1e-6, 1e6))
def test_symbols_that_tell_nothing_change_nothing(p: Floats, share: float, scale: float) -> None:
    expected = parts(p)
    unused = np.pad(p, ((0, 1), (1, 0), (0, 1)))
    split = np.concatenate([share * p[:1], p[1:], (1 - share) * p[:1]])  # a coin decides the name of the first symbol
    assert parts(scale * unused) == pytest.approx(expected, abs=1e-6)
    assert parts(split) == pytest.approx(expected, abs=1e-6)


@settings(deadline=None)
@given(TABLES)
def test_a_constant_second_variable_leaves_the_first_unique(p: Floats) -> None:
    merged = p.sum(axis=1, keepdims=True)
    assert parts(merged) == pytest.approx([0, information(merged[:, 0]), 0, 0], abs=1e-9)


def test_many_tables_at_once_are_the_same_as_one_by_one() -> None:
    tables = np.random.default_rng(3).poisson(0.5, (40, 8, 8, 2))
    assert broja(tables) == pytest.approx(np.stack([parts(p) for p in tables]), abs=1e-6)
    assert broja(tables[:0]).shape == (0, 4)


@pytest.mark.parametrize("exponent", [6, 15, 300])
def test_probabilities_of_very_different_size(exponent: int) -> None:
    tables = 10 ** np.random.default_rng(exponent).uniform(-exponent, exponent, (50, 4, 3, 2))
    result = broja(tables)
    assert result.min() > -1e-9
    visible = [np.where(p < 1e-13 * p.max(), 0, p / p.max()).reshape(-1, 2) for p in tables]
    assert result.sum(axis=1) == pytest.approx([information(p) for p in visible], abs=1e-8)


def test_arrays_lists_and_tensors_are_taken() -> None:
    table = gate(lambda a, b: a & b)
    expected = pid(table)
    assert isinstance(expected, PID)
    assert pid(table.tolist()) == pid(table.astype(np.int64)) == expected
    assert pid(torch.tensor(table, dtype=torch.float32, requires_grad=True)) == expected


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.full((2, 2, 2), -1.0), "not negative"),
        (np.full((2, 2, 2), np.nan), "finite"),
        (np.full((2, 2, 2), np.inf), "finite"),
        (np.zeros((2, 2, 2)), "zeros"),
        (np.ones((2, 2)), "three axes"),
    ],
)
def test_what_is_no_distribution_is_refused(table: Floats, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pid(table)


def test_one_table_is_no_batch() -> None:
    with pytest.raises(ValueError, match="four axes"):
        broja(np.ones((2, 2, 2)))
