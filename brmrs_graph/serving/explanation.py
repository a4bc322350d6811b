"""Why a model ranks an item for a user where it does, as far as its vectors and the training interactions tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.models import ItemPaths
from brmrs_graph.serving.ids import Ids


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
class Path:
    """A path over the model's item graph: the user, a neighbour of the item, the item.

    Args:
        neighbor: Item id of the neighbour.
        weight: Weight of the edge.
        taken: Whether the neighbour is a training item of the user.
        brings: Branch name -> what comes over the edge, exactly a part of the item's score (see
            :class:`~brmrs_graph.models.ItemPaths`).
    """

    neighbor: str
    weight: float
    taken: bool
    brings: Mapping[str, float]


@dataclass(frozen=True)
class Explanation:
    """How every branch of a model sees a user and an item.

    Args:
        user: User id.
        item: Item id.
        seen: Whether the item is a training item of the user, and so never recommended by default.
        n: The rank that ``margin`` compares with, the last one where fewer items are left.
        branches: Branch name -> what it says, ``"fused"`` last.
        paths: Paths over the item graph, those that bring most to the fused score first; none where a model does
            not say what it adds over its graph.
    """

    user: str
    item: str
    seen: bool
    n: int
    branches: Mapping[str, BranchView]
    paths: tuple[Path, ...] = ()

    def __str__(self) -> str:
        taken = ", a training item of theirs" if self.seen else ""
        lines = [f"item {self.item} for user {self.user}{taken}"]
        for name, view in self.branches.items():
            near = ", ".join(f"{item} ({cosine:.2f})" for item, cosine in view.nearest) or "none"
            lines.append(
                f"  {name}: rank {view.rank:,}, score {view.score:.4g}, {view.margin:+.4g} against rank {self.n:,}; "
                f"nearest of their items: {near}"
            )
        if self.paths:
            lines.append(f"  over the item graph: {', '.join(_path(path) for path in self.paths)}")
        return "\n".join(lines)


def _path(path: Path) -> str:
    taken = ", one of theirs" if path.taken else ""
    return f"{path.neighbor} ({path.brings[FUSED]:+.4g} by an edge of {path.weight:.2g}{taken})"


@torch.no_grad()
def strongest_paths(
    paths: ItemPaths | None,
    branches: Branches,
    items: Ids,
    pair: tuple[int, int],
    liked: NDArray[np.int64],
    count: int,
) -> tuple[Path, ...]:
    """The paths to an item that bring most to the fused score.

    Args:
        paths: What the model adds over its item graph, if anything.
        branches: The model's branches.
        items: Item ids.
        pair: Positions of the user and the item.
        liked: Positions of the user's training items.
        count: How many.
    """
    if paths is None:
        return ()
    user, item = pair
    row = paths.graph.take_rows(torch.tensor([item]))
    others = row.col != item
    neighbor, weight = row.col[others], row.weight[others]
    brings = {name: weight * (x[neighbor] @ branches.users(name)[user]) for name, x in paths.items.items()}
    ids, taken = items.names(neighbor.numpy()), np.isin(neighbor, liked)
    return tuple(
        Path(ids[edge], float(weight[edge]), bool(taken[edge]), {name: float(x[edge]) for name, x in brings.items()})
        for edge in brings[FUSED].argsort(descending=True, stable=True)[:count].tolist()
    )
