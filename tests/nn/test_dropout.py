import pytest
import torch

from brmrs_graph.nn import dropout


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_drops_the_share_that_is_asked_for_and_keeps_the_mean():
    y = dropout(torch.full((200, 50), 3.0), 0.3, generator())
    assert y.unique().tolist() == pytest.approx([0, 3 / 0.7])
    assert float((y == 0).float().mean()) == pytest.approx(0.3, abs=0.02)
    assert float(y.mean()) == pytest.approx(3, abs=0.1)


def test_the_generator_alone_decides():
    x = torch.randn(20, 5)
    before = torch.get_rng_state()
    assert torch.equal(dropout(x, 0.5, generator()), dropout(x, 0.5, generator()))
    assert not torch.equal(dropout(x, 0.5, generator()), dropout(x, 0.5, generator(1)))
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_is_drawn_where_nothing_is_dropped():
    x, source = torch.randn(4, 3), generator()
    state = source.get_state()
    assert dropout(x, 0.0, source) is x and torch.equal(source.get_state(), state)


def test_the_gradient_goes_where_values_were_kept():
    x = torch.ones(50, requires_grad=True)
    y = dropout(x, 0.5, generator())
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())
