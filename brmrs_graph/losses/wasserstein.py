"""The two sides of a Wasserstein game with gradient penalty, for one optimiser that takes both at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call


def critic_loss(
    critic: nn.Module, real: Tensor, generated: Tensor, penalty: float, generator: torch.Generator | None = None
) -> Tensor:
    r"""What the critic minimises; its gradient reaches the critic alone.

    .. math::
        \mathbb{E}[D(\tilde x)] - \mathbb{E}[D(x)]
        + \gamma\, \mathbb{E}\bigl[(\lVert \nabla D(\epsilon x + (1 - \epsilon) \tilde x) \rVert - 1)^2\bigr],
        \quad \epsilon \sim U[0, 1]

    From "Improved Training of Wasserstein GANs" (Gulrajani et al., NeurIPS 2017). Rows must not influence each other in
    the critic (no batch norm), or the penalty means nothing.

    Args:
        critic: Maps rows, shape [B, n], to scores, shape [B, 1].
        real: True rows x, shape [B, n].
        generated: Generated rows, shape [B, n].
        penalty: Weight :math:`\gamma` of the penalty.
        generator: Source of the mixing weights on the CPU.

    Returns:
        A scalar.
    """
    real, generated = real.detach(), generated.detach()
    share = torch.rand(real.size(0), 1, generator=generator).to(real)
    mixed = (share * real + (1 - share) * generated).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    return critic(generated).mean() - critic(real).mean() + penalty * (gradient.norm(dim=1) - 1).square().mean()


def generator_loss(critic: nn.Module, generated: Tensor) -> Tensor:
    r"""What the generator minimises, :math:`-\mathbb{E}[D(\tilde x)]`; its gradient reaches the generated rows alone.

    Args:
        critic: Maps rows, shape [B, n], to scores, shape [B, 1].
        generated: Generated rows, shape [B, n].

    Returns:
        A scalar.
    """
    fixed = {name: x.detach() for name, x in critic.named_parameters()}
    scores: Tensor = functional_call(critic, fixed, (generated,))
    return -scores.mean()
