"""By what one candidate is chosen as the cross-modal hard negative of a pair."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from brmrs_graph.branches import PairScores
from brmrs_graph.losses import spread
from brmrs_graph.sampling.ragged import Ragged
from brmrs_graph.sampling.segment import segment_filter

Choice = Literal["confused", "disagree", "separable", "both"]


def judging(choice: Choice, a: str, b: str) -> tuple[str, ...]:
    """The branches whose scores a choice looks at, for the direction (A, B)."""
    return (a,) if choice == "confused" else (a, b)


def rated(
    choice: Choice, candidates: Ragged, a: str, b: str, pool: PairScores, positives: Tensor
) -> tuple[Ragged, Tensor]:
    r"""The candidates that a choice considers, and what it wants to be large, for the direction (A, B).

    * ``confused``: :math:`s_A(u, j)`, what A confuses most (the method).
    * ``disagree``: :math:`z_A(u, j) - z_B(u, j)`, what A scores high and B low.
    * ``separable``: :math:`s_A(u, j)` among the candidates that B ranks below the positive, :math:`s_B(u, j) <
      s_B(u, i^+)`; among all of a pair where there is none.
    * ``both``: :math:`z_A(u, j) + z_B(u, j)`, hard for both (a control).

    Branches differ in scale, so that :math:`z_m` is the score :math:`s_m` divided by the standard deviation of
    modality m's scores over the batch's pool.

    Args:
        choice: One of the above.
        candidates: The candidates of a batch, with their scores in the branches that :func:`judging` names.
        a: Modality A.
        b: Modality B.
        pool: Scores of the uniform candidates of the batch.
        positives: Positive item ids, int64, shape [B].

    Returns:
        The candidates that are left, and their values, shape [n].
    """
    if choice == "separable":
        best = pool.branches.score(b, pool.users, positives)
        segment = candidates.segment
        below = candidates.scores[b] < best[segment]
        none = segment_filter(below, candidates.ptr).diff() == 0
        candidates = candidates.filter(below | none[segment])
    s_a = candidates.scores[a]
    if choice in ("confused", "separable"):
        return candidates, s_a
    z_a, z_b = s_a / spread(pool[a]), candidates.scores[b] / spread(pool[b])
    return candidates, z_a - z_b if choice == "disagree" else z_a + z_b
