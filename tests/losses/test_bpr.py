import numpy as np
import pytest
import torch

from brmrs_graph.losses import bpr_loss


@pytest.mark.parametrize("shape", [(1,), (7,), (4, 3)])
def test_equals_the_mean_of_minus_log_sigmoid(shape):
    margin = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    expected = np.mean(-np.log(1 / (1 + np.exp(-margin.double().numpy()))))
    assert bpr_loss(margin).item() == pytest.approx(expected, rel=1e-6)


def test_large_margins_neither_overflow_nor_lose_their_gradient():
    margin = torch.tensor([-1000.0, 1000.0], requires_grad=True)
    loss = bpr_loss(margin)
    loss.backward()
    assert loss.item() == 500
    assert margin.grad.tolist() == [-0.5, 0]


def test_weights_multiply_the_losses_of_their_triples():
    margin, weight = torch.tensor([0.3, -1.0, 2.0]), torch.tensor([0.0, 2.0, 1.0])
    expected = (2 * np.log1p(np.exp(1.0)) + np.log1p(np.exp(-2.0))) / 3
    assert bpr_loss(margin, weight).item() == pytest.approx(expected, rel=1e-6)
    assert bpr_loss(margin, torch.ones(3)).item() == bpr_loss(margin).item()
