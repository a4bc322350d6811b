import numpy as np
import pytest
import torch

from brmrs_graph.losses import orthogonality_loss


def test_equals_the_mean_squared_cosine():
    first, second = torch.randn(2, 8, 5, generator=torch.Generator().manual_seed(0))
    cosines = [
        a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
        for a, b in zip(first.double().numpy(), second.double().numpy(), strict=True)
    ]
    assert orthogonality_loss(first, second).item() == pytest.approx(np.mean(np.square(cosines)), rel=1e-5)


def test_is_zero_at_right_angles_and_one_for_parallel_vectors_of_either_sign():
    x = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
    assert orthogonality_loss(x, torch.stack([-x[:, 1], x[:, 0]], 1)).item() == 0
    assert orthogonality_loss(x, torch.tensor([[2.0], [-5.0]]) * x).item() == pytest.approx(1)


def test_a_zero_row_gives_a_finite_gradient():
    first = torch.tensor([[0.0, 0.0], [1.0, 1.0]], requires_grad=True)
    orthogonality_loss(first, torch.ones(2, 2)).backward()
    assert bool(first.grad.isfinite().all())
