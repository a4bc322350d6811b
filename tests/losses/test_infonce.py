import numpy as np
import pytest
import torch

from brmrs_graph.losses import infonce_loss


def dense_infonce(first, second, temperature):
    """Both directions, item by item."""
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (first, second))
    similarity = np.exp(a @ b.T / temperature)
    n = len(a)
    there = [-np.log(similarity[i, i] / similarity[i].sum()) for i in range(n)]
    back = [-np.log(similarity[i, i] / similarity[:, i].sum()) for i in range(n)]
    return (np.mean(there) + np.mean(back)) / 2


@pytest.mark.parametrize("temperature", [0.1, 0.2, 1.0])
def test_equals_the_dense_formula(temperature):
    first, second = torch.randn(2, 8, 5, generator=torch.Generator().manual_seed(0))
    expected = dense_infonce(first.double().numpy(), second.double().numpy(), temperature)
    assert infonce_loss(first, second, temperature).item() == pytest.approx(expected, rel=1e-5)


def test_one_way_leaves_out_the_way_back():
    first, second = torch.randn(2, 8, 5, generator=torch.Generator().manual_seed(0))
    there, back = infonce_loss(first, second, both=False), infonce_loss(second, first, both=False)
    assert there != back
    torch.testing.assert_close((there + back) / 2, infonce_loss(first, second))


def test_does_not_depend_on_the_order_of_views_nor_on_their_lengths():
    first, second = torch.randn(2, 8, 5, generator=torch.Generator().manual_seed(0))
    loss = infonce_loss(first, second)
    torch.testing.assert_close(infonce_loss(second, first), loss)
    torch.testing.assert_close(infonce_loss(3 * first, second * torch.rand(8, 1).add(0.5)), loss)


def test_aligned_views_cost_less_than_shuffled_ones_and_one_item_costs_nothing():
    view = torch.randn(8, 5, generator=torch.Generator().manual_seed(0))
    assert infonce_loss(view, view) < infonce_loss(view, view.roll(1, 0))
    assert infonce_loss(view[:1], -view[:1]).item() == 0


def test_a_zero_row_gives_a_finite_loss_and_gradient():
    first = torch.randn(4, 3).index_fill_(0, torch.tensor([1]), 0).requires_grad_()
    loss = infonce_loss(first, torch.randn(4, 3))
    loss.backward()
    assert bool(loss.isfinite()) and bool(first.grad.isfinite().all())
