"""Single-space hard negatives: candidates chosen by the scores of one branch."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def hardest(candidates: Tensor, scores: Tensor) -> Tensor:
    """Dynamic negative sampling (DNS, Zhang et al., SIGIR 2013): the argmax of a branch's score among candidates.

    Args:
        candidates: Item ids, int64, shape [B, M].
        scores: Their scores, shape [B, M].

    Returns:
        Item ids, int64, shape [B].
    """
    return candidates.gather(1, scores.argmax(dim=1, keepdim=True)).squeeze(1)


@torch.no_grad()
def adaptive(
    candidates: Tensor, scores: Tensor, positive: Tensor, alpha: float = 1.0, beta: float = 0.1, p: float = -2.0
) -> Tensor:
    r"""Adaptive hardness (AHNS): the lower the positive's score, the harder its negative.

    .. math::
        \arg\min_j \bigl| s(u, j) - \beta\, (s(u, i^+) + \alpha)^{p + 1} \bigr|

    From "Adaptive Hardness Negative Sampling for Collaborative Filtering" (Lai et al., AAAI 2024), with the defaults
    of its code. As :math:`s(u, i^+)` falls to :math:`-\alpha` the power grows without bound, which asks for the hardest
    candidate; below, where it would change its sign and ask for the easiest one, it stays the hardest.

    Args:
        candidates: Item ids, int64, shape [B, M].
        scores: Their scores, shape [B, M].
        positive: Scores of the positives, shape [B].
        alpha: :math:`\alpha`, in units of the scores.
        beta: :math:`\beta \ge 0`, how hard negatives are on the whole.
        p: The power, below -1; -2 in the paper.

    Returns:
        Item ids, int64, shape [B].
    """
    wanted = beta * (positive + alpha).clamp(min=0).pow(p + 1).unsqueeze(1)
    # Cut at the largest score: the same choice, and infinity (of 0 ** -1) stays out of the difference.
    wanted = wanted.minimum(scores.amax(dim=1, keepdim=True))
    return candidates.gather(1, (scores - wanted).abs().argmin(dim=1, keepdim=True)).squeeze(1)


@torch.no_grad()
def mixed(
    candidates: Tensor, scores: Tensor, positive: Tensor, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    r"""Positive mixing (MixGCF): the hardest of candidates that have a share of the positive in them.

    Each candidate's vector becomes :math:`e'_j = \alpha_j e_{i^+} + (1 - \alpha_j) e_j` with
    :math:`\alpha_j \sim U(0, 1)`, and the one of the highest score is taken. Scores are dot products, so that
    :math:`s'_j = \alpha_j s(u, i^+) + (1 - \alpha_j) s(u, j)`, and its margin is
    :math:`s(u, i^+) - s'_j = (1 - \alpha_j)(s(u, i^+) - s(u, j))`: the vectors themselves are not needed.

    From "MixGCF: An Improved Training Method for Graph Neural Network-based Recommender Systems" (Huang et al., KDD
    2021), without its mixing over hops: branches hold final vectors only. The paper draws one :math:`\alpha` per hop
    for all candidates of a pair. With a single hop the choice would then be that of :func:`hardest`, and mixing would
    merely shrink the margin; so every candidate has its own here.

    Args:
        candidates: Item ids, int64, shape [B, M].
        scores: Their scores, shape [B, M].
        positive: Scores of the positives, shape [B].
        generator: Source of randomness on the CPU.

    Returns:
        Item ids, int64, shape [B], and the share of each in its mixed vector, :math:`1 - \alpha`, shape [B].
    """
    share = torch.rand(scores.shape, generator=generator).to(scores)
    best = (share * (scores - positive.unsqueeze(1))).argmax(dim=1, keepdim=True)
    return candidates.gather(1, best).squeeze(1), share.gather(1, best).squeeze(1)
