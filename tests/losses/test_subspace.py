import numpy as np
import pytest
import torch

from brmrs_graph.losses import subspace_loss


def test_equals_the_sum_over_pairs_of_directions():
    first = torch.randn(9, 3, generator=torch.Generator().manual_seed(0))
    second = torch.randn(9, 4, generator=torch.Generator().manual_seed(1))
    a, b = (x.double().numpy() - x.double().numpy().mean(0) for x in (first, second))
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    expected = sum(np.mean(a[:, i] * b[:, j]) ** 2 for i in range(3) for j in range(4))
    assert subspace_loss(first, second).item() == pytest.approx(expected, rel=1e-5)


def test_equal_lines_give_one_and_uncorrelated_directions_zero():
    x = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
    y = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]])
    zero = torch.zeros(4, 1)
    assert subspace_loss(torch.cat([x, zero], 1), torch.cat([zero, -3 * x], 1)).item() == pytest.approx(1)
    assert subspace_loss(x, y).item() == pytest.approx(0)


def test_the_size_of_the_batch_does_not_matter():
    first, second = torch.randn(2, 8, 5, generator=torch.Generator().manual_seed(0))
    twice = subspace_loss(first.repeat(2, 1), second.repeat(2, 1))
    torch.testing.assert_close(twice, subspace_loss(first, second))


def test_equal_rows_give_a_finite_gradient():
    first = torch.ones(3, 2, requires_grad=True)
    subspace_loss(first, torch.randn(3, 2)).backward()
    assert bool(first.grad.isfinite().all())
