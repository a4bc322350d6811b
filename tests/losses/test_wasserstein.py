import pytest
import torch
from torch import Tensor, nn

from brmrs_graph.losses import critic_loss, generator_loss


class Square(nn.Module):
    """D(x) = w |x|², whose gradient is 2 w x."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.w * x.square().sum(1, keepdim=True)


@pytest.fixture
def rows() -> tuple[Tensor, Tensor]:
    real, generated = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))
    return real.requires_grad_(), generated.requires_grad_()


def test_the_critics_loss_and_gradient_equal_a_hand_computation(rows: tuple[Tensor, Tensor]) -> None:
    critic, (real, generated) = Square(), rows
    loss = critic_loss(critic, real, generated, 3.0, torch.Generator().manual_seed(5))
    share = torch.rand(6, 1, generator=torch.Generator().manual_seed(5))
    length = (share * real + (1 - share) * generated).norm(dim=1)
    difference = generated.square().sum(1).mean() - real.square().sum(1).mean()
    expected = 0.5 * difference + 3 * (2 * 0.5 * length - 1).square().mean()
    torch.testing.assert_close(loss, expected)
    loss.backward()
    slope = difference + 3 * (2 * (2 * 0.5 * length - 1) * 2 * length).mean()
    torch.testing.assert_close(critic.w.grad, slope)
    assert real.grad is None and generated.grad is None


def test_the_generators_gradient_leaves_the_critic_alone(rows: tuple[Tensor, Tensor]) -> None:
    critic, (_, generated) = Square(), rows
    loss = generator_loss(critic, generated)
    torch.testing.assert_close(loss, -0.5 * generated.square().sum(1).mean())
    loss.backward()
    torch.testing.assert_close(generated.grad, -generated.detach() / 6)
    assert critic.w.grad is None and critic.w.requires_grad
