import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.data import features
from brmrs_graph.data.features import finite_rows, gram_of, leading_directions, rotate, standardize, zero_rows


def random(n: int, d: int, seed: int, rank: int | None = None) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    if rank is None:
        return torch.randn(n, d, generator=generator)
    return torch.randn(n, rank, generator=generator) @ torch.randn(rank, d, generator=generator)


# --- rows


def test_rows_of_zeros_and_rows_of_numbers_are_told_from_others() -> None:
    rows = [[0, -0.0], [0, 1e-45], [-1, 0], [torch.nan, 0], [0, torch.inf], [-torch.inf, torch.nan]]
    x = torch.tensor(rows)
    assert zero_rows(x).tolist() == [True] + 5 * [False]
    assert finite_rows(x).tolist() == 3 * [True] + 3 * [False]
    assert zero_rows(x[:0]).tolist() == finite_rows(x[:0]).tolist() == []


# --- rotation


@pytest.mark.parametrize("rows", [32_768, 7, 1])
def test_rotated_features_are_those_of_the_principal_directions(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(features, "_ROWS", rows)
    x = random(40, 10, seed=0) * 1.3 ** torch.arange(10)
    left, singular, _ = torch.linalg.svd(x, full_matrices=False)
    expected, (found, _) = (left * singular)[:, :4], rotate(x, 4)
    signs = (found * expected).sum(dim=0).sign()  # a direction's sign is arbitrary
    torch.testing.assert_close(found * signs, expected, rtol=1e-4, atol=1e-4)


def test_only_the_lower_triangle_of_products_is_computed_and_read() -> None:
    x = random(200, 640, seed=0)
    lower = gram_of(x.split(90)).tril()
    torch.testing.assert_close(lower, (x.t() @ x).tril(), rtol=1e-4, atol=1e-3)
    upper = torch.full_like(lower, torch.nan).triu(1)
    directions, energy, kept = leading_directions(lower + lower.tril(-1).t(), 9)
    found = leading_directions(torch.where(upper.isnan(), upper, lower), 9)
    assert torch.equal(found[0], directions) and torch.equal(found[1], energy) and found[2] == kept


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 30), st.integers(2, 20), st.integers(1, 5), st.integers(0, 1000))
def test_rotation_keeps_all_dot_products_of_features_of_low_rank(n: int, d: int, rank: int, seed: int) -> None:
    x = random(n, d, seed, rank=min(rank, d - 1))
    rotated, energy = rotate(x, min(rank, d - 1))
    assert rotated.shape == (n, min(rank, d - 1))
    torch.testing.assert_close(rotated @ rotated.t(), x @ x.t(), rtol=1e-3, atol=1e-3)
    assert energy == pytest.approx(1, abs=1e-5)


@settings(deadline=None, max_examples=50)
@given(st.integers(3, 30), st.integers(2, 20), st.integers(0, 1000))
def test_the_energy_kept_is_that_of_the_best_approximation(n: int, d: int, seed: int) -> None:
    x = random(n, d, seed)
    dim = (d + 1) // 2
    rotated, energy = rotate(x, dim)
    singular = torch.linalg.svdvals(x).square()
    assert energy == pytest.approx(float(singular[:dim].sum() / singular.sum()), abs=1e-4)
    assert float(rotated.square().sum() / x.square().sum()) == pytest.approx(energy, abs=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_a_small_shop_with_the_same_few_pictures_is_rotated(seed: int) -> None:
    """Items of rank 2 in 300 dimensions, half of which nobody uses: single precision often fails."""
    pictures = random(2, 300, seed).relu() * (random(1, 300, seed + 4) < 0)
    x = pictures[torch.arange(20) % 2]
    rotated, energy = rotate(x, 10)
    torch.testing.assert_close(rotated @ rotated.t(), x @ x.t(), rtol=1e-3, atol=1e-3)
    assert energy == pytest.approx(1, abs=1e-5)


def test_leading_directions_come_first() -> None:
    rotated, _ = rotate(torch.diag(torch.tensor([1.0, 5.0, 3.0])), 2)
    torch.testing.assert_close(rotated.norm(dim=0), torch.tensor([5.0, 3.0]))


@pytest.mark.parametrize("gram", [[[2.0, -1.0], [-1.0, 2.0]], [[1.0, -1.0], [-1.0, 1.0]]])
def test_of_equally_large_entries_the_first_one_is_positive(gram: list[list[float]]) -> None:
    directions, _, _ = leading_directions(torch.tensor(gram), 1)
    torch.testing.assert_close(directions, torch.tensor([[0.5**0.5], [-(0.5**0.5)]]))


@pytest.mark.parametrize("value", [torch.nan, torch.inf, 1e20])
def test_features_without_directions_are_an_error(value: float) -> None:
    x = random(30, 12, seed=0)
    x[3, 4] = value
    with pytest.raises(np.linalg.LinAlgError):
        rotate(x, 5)


def test_a_direction_points_to_where_its_largest_entry_is_positive() -> None:
    gram = gram_of([random(60, 8, seed=3)]).double()
    directions, _, _ = leading_directions(gram, 5)
    largest = directions.gather(0, directions.abs().argmax(dim=0, keepdim=True))
    assert bool((largest > 0).all())
    full = gram.tril() + gram.tril(-1).t()
    expected = torch.linalg.eigh(full).eigenvectors[:, -5:].flip(1)
    torch.testing.assert_close(directions.abs(), expected.abs(), rtol=1e-4, atol=1e-4)


def test_rows_of_zeros_stay_exactly_zero() -> None:
    x = random(8, 6, seed=0) + 5
    x[[2, 7]] = 0
    rotated, _ = rotate(x, 3)
    assert rotated.any(dim=1).tolist() == x.any(dim=1).tolist()


def test_features_that_are_narrow_enough_come_back_as_they_are() -> None:
    x = random(4, 3, seed=0)
    for dim in (3, 4):
        assert rotate(x, dim) == (x, 1.0)


# --- centring and scaling


def test_columns_are_centred_and_all_values_scaled_by_one_factor() -> None:
    x = random(50, 4, seed=1) * torch.tensor([1.0, 2.0, 5.0, 0.1]) + 7
    out = standardize(x, torch.zeros(50, dtype=torch.bool))
    torch.testing.assert_close(out.mean(dim=0), torch.zeros(4), atol=1e-5, rtol=0)
    assert float(out.square().mean()) == pytest.approx(1, rel=1e-5)
    centred = x - x.mean(dim=0)
    torch.testing.assert_close(out / centred, (out / centred)[:1, :1].expand(50, 4), rtol=1e-2, atol=0)


def test_missing_rows_are_zero_and_do_not_count() -> None:
    x = random(6, 3, seed=2)
    missing = torch.tensor([False, True, False, False, True, False])
    out = standardize(x, missing)
    assert not out[missing].any()
    torch.testing.assert_close(out[~missing], standardize(x[~missing], torch.zeros(4, dtype=torch.bool)))


def test_a_constant_column_becomes_zero_and_leaves_the_others_alone() -> None:
    x = random(20, 3, seed=3)
    x[:, 1] = 0.5
    out = standardize(x, torch.zeros(20, dtype=torch.bool))
    assert not out[:, 1].any()
    assert bool(out[:, [0, 2]].any()) and bool(out.isfinite().all())


@pytest.mark.parametrize("num_present", [0, 1])
def test_with_no_item_or_one_that_has_the_modality_all_is_zero_and_finite(num_present: int) -> None:
    missing = torch.arange(5) >= num_present
    out = standardize(random(5, 3, seed=4), missing)
    assert out.shape == (5, 3)
    assert not out.any(), "one item alone is its own mean"
