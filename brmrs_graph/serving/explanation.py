"""Why a model ranks an item for a user where it does, as far as its vectors and the training interactions tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class BranchView:
    """What one branch says of a user and an item.

    Args:
        score: The score; only scores of the same branch can be compared.
        rank: Place of the item in the user's ranking, from 1, among the items that the user has not taken yet.
        margin: The score less that of the user's n-th best item; at least 0 where the item is among the n best.
            NaN where nothing is left to compare with.
        nearest: The user's training items most similar to this one, each with the cosine of their item vectors,
            best first.
    """

    score: float
    rank: int
    margin: float
    nearest: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Explanation:
    """How every branch of a model sees a user and an item.

    It rests on the vectors of the branches and the training interactions alone. Which edges of the model's item graph
    brought two items together is not in it: a run folder keeps no graph.

    Args:
        user: User id.
        item: Item id.
        seen: Whether the item is a training item of the user, and so never recommended by default.
        n: The rank that ``margin`` compares with.
        branches: Branch name -> what it says, ``"fused"`` last.
    """

    user: str
    item: str
    seen: bool
    n: int
    branches: Mapping[str, BranchView]

    def __str__(self) -> str:
        taken = ", a training item of theirs" if self.seen else ""
        lines = [f"item {self.item} for user {self.user}{taken}"]
        for name, view in self.branches.items():
            near = ", ".join(f"{item} ({cosine:.2f})" for item, cosine in view.nearest) or "none"
            lines.append(
                f"  {name}: rank {view.rank:,}, score {view.score:.4g}, {view.margin:+.4g} against rank {self.n:,}; "
                f"nearest of their items: {near}"
            )
        return "\n".join(lines)
