"""Fusion of unimodal scores into one.

Every fusion works row by row on each side, so that the fused score stays a dot product of a user and an item vector
and can be computed for a few rows as well as for all.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from brmrs_graph.errors import ConfigError


class Fusion(nn.Module):
    """Base class: maps branch vectors to fused vectors, users and items apart.

    Attributes:
        averages: Whether the fused score is a (weighted) mean of branch scores. A mean can never exceed the largest
            branch margin, so the ``raw`` synergy loss cannot be satisfied by it.
        linear: Whether the fused score is a weighted sum of branch scores, see :meth:`combine`.
    """

    averages = False
    linear = False

    def combine(self, scores: Mapping[str, Tensor], users: Mapping[str, Tensor]) -> Tensor:
        """The fused score from branch scores ([B] or [B, n]) and user vectors (B×d_b), if ``linear``."""
        raise NotImplementedError

    def fuse_users(self, users: Mapping[str, Tensor]) -> Tensor:
        """Maps branch name -> N×d_b to fused user vectors, N×d_f."""
        raise NotImplementedError

    def fuse_items(self, items: Mapping[str, Tensor]) -> Tensor:
        """Maps branch name -> N×d_b to fused item vectors, N×d_f."""
        raise NotImplementedError


def _concat(branches: Mapping[str, Tensor]) -> Tensor:
    return torch.cat(list(branches.values()), dim=-1)


class ConcatFusion(Fusion):
    r"""Concatenates branch vectors, so that scores add up: :math:`s_f = \sum_m s_m`."""

    linear = True

    def combine(self, scores: Mapping[str, Tensor], users: Mapping[str, Tensor]) -> Tensor:
        """Adds the scores up."""
        return torch.stack(list(scores.values())).sum(dim=0)

    def fuse_users(self, users: Mapping[str, Tensor]) -> Tensor:
        """Concatenates, N×Σd_b."""
        return _concat(users)

    def fuse_items(self, items: Mapping[str, Tensor]) -> Tensor:
        """Concatenates, N×Σd_b."""
        return _concat(items)


class MeanFusion(ConcatFusion):
    r"""Averages scores, :math:`s_f = \frac{1}{M} \sum_m s_m`: concatenation with the item side scaled by 1/M.

    Averaging the *vectors* instead would add the cross terms :math:`\langle p^v, q^t \rangle`.
    """

    averages = True

    def combine(self, scores: Mapping[str, Tensor], users: Mapping[str, Tensor]) -> Tensor:
        """Averages the scores."""
        return torch.stack(list(scores.values())).mean(dim=0)

    def fuse_items(self, items: Mapping[str, Tensor]) -> Tensor:
        """Concatenates and scales by 1/M, N×Σd_b."""
        return _concat(items) / len(items)


class GateFusion(ConcatFusion):
    r"""Weighs branch scores by user, :math:`s_f(u,i) = c \sum_m w_m(u)\, s_m(u,i)`.

    The weights are a softmax over a linear map of the user's concatenated vectors.

    Args:
        dims: Width d_b of every branch, by name.
        scale: The factor c (default: the number of branches, so that equal weights give the sum of scores).
    """

    def __init__(self, dims: Mapping[str, int], scale: float | None = None) -> None:
        super().__init__()
        self.scale = float(len(dims)) if scale is None else scale
        self.averages = self.scale <= 1
        self.gate = nn.Linear(sum(dims.values()), len(dims))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Starts from equal weights."""
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def weights(self, users: Mapping[str, Tensor]) -> Tensor:
        """The softmax weights of the branches, N×M; rows sum to 1."""
        return self.gate(_concat(users)).softmax(dim=-1)

    def combine(self, scores: Mapping[str, Tensor], users: Mapping[str, Tensor]) -> Tensor:
        """Adds the scores up by the users' weights."""
        weights = self.scale * self.weights(users)
        stacked = torch.stack(list(scores.values()), dim=1)
        return (stacked * weights.view(*weights.shape, *[1] * (stacked.dim() - 2))).sum(dim=1)

    def fuse_users(self, users: Mapping[str, Tensor]) -> Tensor:
        """Scales each branch by its weight and concatenates, N×Σd_b."""
        weights = self.scale * self.weights(users)
        return torch.cat([weights[:, m : m + 1] * x for m, x in enumerate(users.values())], dim=-1)


class MLPFusion(Fusion):
    """One two-layer perceptron on each side's concatenation, then the dot product.

    Args:
        dims: Width d_b of every branch, by name.
        out_dim: Width of the fused vectors (default: Σd_b).
    """

    def __init__(self, dims: Mapping[str, int], out_dim: int | None = None) -> None:
        super().__init__()
        width = sum(dims.values())
        self.user_mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, out_dim or width))
        self.item_mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, out_dim or width))

    def fuse_users(self, users: Mapping[str, Tensor]) -> Tensor:
        """Maps N×Σd_b to N×out_dim."""
        return self.user_mlp(_concat(users))

    def fuse_items(self, items: Mapping[str, Tensor]) -> Tensor:
        """Maps N×Σd_b to N×out_dim."""
        return self.item_mlp(_concat(items))


def make_fusion(name: str, dims: Mapping[str, int], gate_scale: float | None = None) -> Fusion:
    """Makes a fusion by name: ``concat``, ``mean``, ``gate`` or ``mlp``.

    Raises:
        ConfigError: If the name is none of these.
    """
    if name == "concat":
        return ConcatFusion()
    if name == "mean":
        return MeanFusion()
    if name == "gate":
        return GateFusion(dims, gate_scale)
    if name == "mlp":
        return MLPFusion(dims)
    raise ConfigError(f"fusion '{name}' is unknown; choose one of concat, mean, gate, mlp")
