"""Case studies: held-out pairs and users to look at, as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.candidates import CandidateSets, compare_scores, require_finite
from brmrs_graph.diagnosis.partition import require_same_users
from brmrs_graph.evaluation import Ranking, ndcg
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.sampling import Direction

Outcome = Literal["mended", "right", "wrong"]


@dataclass(frozen=True)
class ItemPair:
    r"""A liked item and its look-alike: A confuses them, B tells them apart.

    Margins are s(u, i+) − s(u, j), in standard deviations of the branch's margins over all look-alikes of the
    direction; a positive one ranks the liked item first.

    Args:
        user: User u.
        liked: Their held-out item i+.
        lookalike: The item j, close to i+ in A and not in B, that the user never interacted with.
        direction: (A, B).
        outcome: What the fused score makes of it: ``"mended"``, wrong in the run before and right in the run after;
            ``"right"`` or ``"wrong"`` where there is one run only.
        margins: Branch -> margin in the run (after).
        margins_before: Branch -> margin in the run before, where there is one.
    """

    user: int
    liked: int
    lookalike: int
    direction: Direction
    outcome: Outcome
    margins: Mapping[str, float]
    margins_before: Mapping[str, float] | None = None


@dataclass(frozen=True)
class LostUser:
    """A user whom one modality alone serves better than the fused score does.

    Args:
        user: The user.
        modality: The modality that ranks best for them.
        ndcg: Branch -> NDCG@k, the modalities' and ``"fused"``.
        history: Some of their training items, at most 8; none is later than another, the data know no time.
        missed: Held-out items that the modality finds and the fused score does not.
        top: The first five items by the fused score.
        top_hits: Which of these are held out.
    """

    user: int
    modality: str
    ndcg: Mapping[str, float]
    history: tuple[int, ...]
    missed: tuple[int, ...]
    top: tuple[int, ...]
    top_hits: tuple[bool, ...]


def illustrated(data: MultimodalDataset) -> Tensor:
    """Which items can be shown: with a picture where the data have pictures, and a text where they have texts.

    Returns:
        bool, shape [|I|].
    """
    shown = torch.ones(data.num_items, dtype=torch.bool)
    if data.pictures is not None:
        shown &= torch.tensor([picture is not None for picture in data.pictures])
    if data.texts is not None:
        shown &= torch.tensor([bool(text.strip()) for text in data.texts])
    return shown


@torch.no_grad()
def item_pair_cases(
    data: MultimodalDataset,
    sets: CandidateSets,
    run: Branches,
    before: Branches | None = None,
    *,
    n: int = 6,
    prefer_illustrated: bool = True,
) -> tuple[ItemPair, ...]:
    """Picks look-alikes by which to see what a modality confuses and another one tells apart.

    With two runs: A was fooled, B was right and the fused score followed A in the run before, and the fused score is
    right after; the largest swings of the standardised fused margin come first. With one run: A is fooled and B is
    right, once with the fused score right and once with it wrong; the largest fused margins come first. No user and no
    item occurs twice in a list.

    Args:
        data: The data set.
        sets: Its comparisons.
        run: The run (after).
        before: The run before, where two are compared.
        n: Cases for each direction and outcome, at most.
        prefer_illustrated: Whether pairs that can be shown in full come first.

    Returns:
        Cases by direction and outcome, best first; none for directions whose branches a run lacks.

    Raises:
        TrainingError: If embeddings are not finite.
    """
    runs = [run] if before is None else [before, run]
    for branches in runs:
        require_finite(branches, branches.names)
    shown = illustrated(data) if prefer_illustrated else torch.ones(data.num_items, dtype=torch.bool)
    cases: list[ItemPair] = []
    for direction, graph in sets.lookalikes.items():
        if not all(set(direction) <= set(branches.modalities) for branches in runs):
            continue
        fooled, spread = _fooled(sets, graph, direction, runs)
        lists: dict[Outcome, Tensor]
        if before is None:
            strength = fooled.fused[:, 0].abs() / spread[0][FUSED]
            lists = {"right": ~fooled.loses[:, 0], "wrong": fooled.loses[:, 0]}
        else:
            strength = fooled.fused[:, 1] / spread[1][FUSED] - fooled.fused[:, 0] / spread[0][FUSED]
            lists = {"mended": fooled.loses[:, 0] & ~fooled.loses[:, 1]}
        liked = sets.items[fooled.pair]
        order = _order(strength, shown[liked] & shown[fooled.item])
        for outcome, which in lists.items():
            ranked = order[which[order]]
            for at in _distinct(sets.users[fooled.pair][ranked], liked[ranked], fooled.item[ranked], n):
                pair, item = fooled.pair[ranked[at]].view(1), fooled.item[ranked[at]].view(1)
                margins = [_margins(branches, sets, pair, item, s) for branches, s in zip(runs, spread, strict=True)]
                cases.append(
                    ItemPair(
                        user=int(sets.users[pair]),
                        liked=int(sets.items[pair]),
                        lookalike=int(item),
                        direction=direction,
                        outcome=outcome,
                        margins=margins[-1],
                        margins_before=None if before is None else margins[0],
                    )
                )
    return tuple(cases)


def lost_users(
    rankings: Mapping[str, Ranking],
    modalities: Sequence[str],
    data: MultimodalDataset,
    *,
    n: int = 6,
    k: int = 20,
    prefer_illustrated: bool = True,
) -> tuple[LostUser, ...]:
    """Picks the users who lose most NDCG@k by fusing, against the best modality of each.

    Args:
        rankings: Branch name -> ranking of the test pairs; those of unimodal models trained alone serve as well.
        modalities: The unimodal rankings.
        data: The data set.
        n: Users, at most.
        k: Length of the ranking that is judged.
        prefer_illustrated: Whether users with a missed item that can be shown come first.

    Raises:
        ValueError: If the rankings are not over the same users and held-out pairs.
    """
    fused = rankings[FUSED]
    require_same_users(fused, *(rankings[name] for name in modalities))
    columns = torch.stack([ndcg(rankings[name], k) for name in (*modalities, FUSED)])
    best, who = columns[:-1].max(dim=0)
    loss = best - columns[-1]
    shown = illustrated(data) if prefer_illustrated else torch.ones(data.num_items, dtype=torch.bool)
    items = torch.stack([rankings[name].items[:, :k] for name in modalities])[who, torch.arange(who.numel())]
    hits = torch.stack([rankings[name].hits[:, :k] for name in modalities])[who, torch.arange(who.numel())]
    by_fused = fused.items[:, :k].masked_fill(~fused.hits[:, :k], -1)
    missed = hits & ~(items.unsqueeze(2) == by_fused.unsqueeze(1)).any(dim=2)
    order = _order(loss, (missed & shown[items]).any(dim=1))
    cases = []
    for at in order[loss[order] > 0][:n].tolist():
        user = int(fused.users[at])
        history = torch.from_numpy(data.train[user].indices.astype(np.int64)).sort().values
        cases.append(
            LostUser(
                user=user,
                modality=modalities[int(who[at])],
                ndcg={name: float(column[at]) for name, column in zip((*modalities, FUSED), columns, strict=True)},
                history=tuple(history[(~shown[history]).int().argsort(stable=True)][:8].tolist()),
                missed=tuple(items[at][missed[at]].tolist()),
                top=tuple(fused.items[at, :5].tolist()),
                top_hits=tuple(fused.hits[at, :5].tolist()),
            )
        )
    return tuple(cases)


@dataclass(frozen=True)
class _Fooled:
    """Comparisons in which A is fooled and B is right in the first run, with what the fused scores make of them."""

    pair: Tensor
    item: Tensor
    fused: Tensor  # margins, float64, shape [m, runs]
    loses: Tensor  # bool, shape [m, runs]


def _fooled(
    sets: CandidateSets, graph: SparseGraph, direction: Direction, runs: Sequence[Branches]
) -> tuple[_Fooled, list[dict[str, float]]]:
    """The comparisons to choose from, and by run and branch the standard deviation of all margins."""
    a, b = direction
    nothing, shape = torch.empty(0, dtype=torch.int64), (0, len(runs))
    found = [_Fooled(nothing, nothing, torch.empty(shape, dtype=torch.float64), torch.empty(shape, dtype=torch.bool))]
    moments = [{name: torch.zeros(3, dtype=torch.float64) for name in run.names} for run in runs]
    for pair, item in sets.compared(graph):
        scores = [compare_scores(run, sets, pair, item, run.names) for run in runs]
        for moment, score in zip(moments, scores, strict=True):
            for name, (liked, other) in score.items():
                margin = liked.double() - other.double()
                moment[name] += torch.stack([torch.ones_like(margin), margin, margin.square()], dim=1).sum(dim=0)
        first = scores[0]
        met = (first[a][1] >= first[a][0]) & (first[b][0] > first[b][1])
        fused = torch.stack([torch.stack(score[FUSED])[:, met] for score in scores])
        liked, other = fused[:, 0].t(), fused[:, 1].t()
        found.append(_Fooled(pair[met], item[met], liked.double() - other.double(), other >= liked))
    joined = _Fooled(*(torch.cat([getattr(part, name) for part in found]) for name in _Fooled.__annotations__))
    return joined, [{name: _deviation(*m.tolist()) for name, m in moment.items()} for moment in moments]


def _deviation(count: float, total: float, squares: float) -> float:
    variance = squares / count - (total / count) ** 2 if count else 0.0
    return max(variance, 0.0) ** 0.5 or 1.0


def _margins(
    run: Branches, sets: CandidateSets, pair: Tensor, item: Tensor, spread: Mapping[str, float]
) -> dict[str, float]:
    scores = compare_scores(run, sets, pair, item, run.names)
    return {name: (float(liked) - float(other)) / spread[name] for name, (liked, other) in scores.items()}


def _order(value: Tensor, first: Tensor) -> Tensor:
    """Positions by falling value, those of ``first`` before the others; equal ones in the order given."""
    order = value.argsort(descending=True, stable=True)
    return order[(~first[order]).int().argsort(stable=True)]


def _distinct(users: Tensor, liked: Tensor, lookalike: Tensor, n: int) -> Iterator[int]:
    """The first n positions such that no user and no item occurs twice."""
    free = torch.ones_like(users, dtype=torch.bool)
    for _ in range(n):
        if not free.any():
            return
        at = int(free.int().argmax())
        yield at
        free &= users != users[at]
        for item in (liked[at], lookalike[at]):
            free &= (liked != item) & (lookalike != item)
