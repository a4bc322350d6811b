"""By how much a held-out item is scored above items that its user does not know: uniform ones, and hard ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brmrs_graph.branches import Branches, PairScores
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.candidates import require_finite
from brmrs_graph.diagnosis.held_out import HeldOutPairs, held_out_pairs, known_pairs
from brmrs_graph.evaluation import Measurement
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.sampling import CrossModalSampler, Direction, UniformSampler

BLOCK = 4096
"""Held-out pairs whose vectors are gathered at once."""

EDGES = np.linspace(-5, 5, 51)
"""Borders of the histograms, in standard deviations; what lies beyond is counted in the outermost bins."""

RANDOM = "random"
"""Name of the uniform negatives among the sources of :class:`HardMargins`."""


@dataclass(frozen=True)
class MarginSample:
    r"""Margins :math:`\Delta_b = s_b(u, i_+) - s_b(u, j)` of held-out pairs against uniform negatives, by branch.

    Args:
        users: Users with held-out items, int64, shape [n], ascending.
        row: Position in ``users`` of the user of every pair, int64, shape [P].
        margins: Branch name -> margins, float32, shape [P, negatives], all branches on the same triples.
        modalities: The branches that come from item content.
    """

    users: Tensor
    row: Tensor
    margins: Mapping[str, Tensor]
    modalities: tuple[str, ...]

    @property
    def triple_row(self) -> NDArray[np.int64]:
        """Position in ``users`` of the user of every triple (u, i+, j), shape [P * negatives]."""
        return np.repeat(self.row.numpy(), next(iter(self.margins.values())).size(1))

    def flat(self, branch: str) -> NDArray[np.float64]:
        """The margin of every triple in a branch, shape [P * negatives].

        Raises:
            ValueError: If there is no such branch.
        """
        if branch not in self.margins:
            raise ValueError(f"there is no branch '{branch}'; the sample has: {', '.join(self.margins)}")
        return self.margins[branch].double().numpy().reshape(-1)


@torch.no_grad()
def margin_sample(
    branches: Branches, data: MultimodalDataset, split: str = "test", negatives: int = 10, seed: int = 0
) -> MarginSample:
    """Draws uniform negatives for every held-out pair and takes the margins of all branches.

    A negative is never a positive of the user in any split. The negatives follow from the data and the seed alone, so
    that models are compared on the same triples. Users who know every item have none and are left out.

    Args:
        branches: The model's branches.
        data: The data set.
        split: Whose pairs are the positives.
        negatives: Negatives per pair, drawn with replacement.
        seed: Seed of the negatives.

    Raises:
        TrainingError: If an embedding is not finite.
    """
    require_finite(branches, branches.names)
    pairs = _held_out(data, split)
    generator = torch.Generator().manual_seed(seed)
    items = pairs.items_with(pairs.sampler.draw(pairs.users, negatives, generator))
    device = branches.items().device
    parts: dict[str, list[Tensor]] = {name: [torch.empty(0, negatives)] for name in branches.names}
    for users, both in zip(pairs.users.split(BLOCK), items.split(BLOCK), strict=True):
        scores = PairScores(branches, users.to(device), both.to(device))
        for name in branches.names:
            parts[name].append((scores[name][:, :1] - scores[name][:, 1:]).float().cpu())
    margins = {name: torch.cat(part) for name, part in parts.items()}
    return MarginSample(pairs.everyone, pairs.row, margins, branches.modalities)


@dataclass(frozen=True)
class HardMargins:
    r"""Margins of cross-modal hard negatives of one direction (A, B) beside those of random ones.

    What the sampler promises is *hard in A, separable in B*: the median of :math:`\Delta_A` well below that against
    random negatives, the median of :math:`\Delta_B` close to it. Where :math:`\Delta_B` falls as well, the two
    modalities are confused by the same items, and B has little to learn from them.

    Args:
        hard_in: The modality A.
        separable_in: The modality B.
        confused: Source -> share of negatives with :math:`\Delta_A < 0`.
        separated: Source -> share of negatives with :math:`\Delta_B > 0`.
        both: Source -> share of negatives with both.
        medians: Source -> modality -> median margin, in standard deviations of that modality's random margins.
        counts: Source -> modality -> histogram of the margins in the same unit, int64, between :data:`EDGES`.
        stand_ins: Source -> share of negatives, over all directions, that are random because no candidate was left.
    """

    hard_in: str
    separable_in: str
    confused: Mapping[str, Measurement]
    separated: Mapping[str, Measurement]
    both: Mapping[str, Measurement]
    medians: Mapping[str, Mapping[str, float]]
    counts: Mapping[str, Mapping[str, NDArray[np.int64]]]
    stand_ins: Mapping[str, float]


@torch.no_grad()
def hard_margins(
    branches: Branches,
    data: MultimodalDataset,
    split: str = "test",
    candidates: int = 4,
    neighbors: Mapping[Direction, SparseGraph] | None = None,
    seed: int = 0,
) -> dict[Direction, HardMargins]:
    r"""Draws cross-modal hard negatives for held-out pairs, as training does, and compares their margins with random.

    No negative is a positive of the user in any split.

    Args:
        branches: The model's branches.
        data: The data set.
        split: Whose pairs are the positives.
        candidates: Uniform candidates M of each pair; they are the random negatives, and the source ``"pool"`` is
            their :math:`\arg\max_j s_A(u, j)`.
        neighbors: (A, B) -> :math:`P_{A \setminus B}`. If given, the source ``"graph"`` draws M candidates from it.
        seed: Seed of all draws.

    Returns:
        (A, B) -> distributions, for every ordered pair of the model's modalities.

    Raises:
        TrainingError: If an embedding is not finite.
    """
    require_finite(branches, branches.modalities)
    pairs = _held_out(data, split)
    generator = torch.Generator().manual_seed(seed)
    pool = pairs.sampler.draw(pairs.users, candidates, generator)
    device = branches.items().device
    seen = pairs.sampler.to(device).seen
    samplers = {"pool": CrossModalSampler("pool", seen).to(device)}
    if neighbors is not None:
        samplers["graph"] = CrossModalSampler("graph", seen, neighbors).to(device)

    directions = list(permutations(branches.modalities, 2))
    random: dict[str, list[Tensor]] = {m: [] for m in branches.modalities}
    hard: dict[tuple[Direction, str, str], list[Tensor]] = {
        (direction, source, m): [] for direction in directions for source in samplers for m in direction
    }
    blocks = (x.to(device).split(BLOCK) for x in (pairs.users, pairs.items, pool))
    for users, positives, drawn in zip(*blocks, strict=True):
        scores, best = PairScores(branches, users, drawn), PairScores(branches, users, positives)
        for m in branches.modalities:
            random[m].append((best[m].unsqueeze(1) - scores[m]).cpu())
        for source, sampler in samplers.items():
            for direction, items in sampler.draw(scores, positives, generator).items():
                negative = PairScores(branches, users, items)
                for m in direction:
                    hard[direction, source, m].append((best[m] - negative[m]).cpu().unsqueeze(1))

    def join(parts: list[Tensor]) -> NDArray[np.float64]:
        return torch.cat(parts).double().numpy() if parts else np.zeros((0, 1))

    reference = {m: join(parts) for m, parts in random.items()}
    stand_ins = {RANDOM: 1.0, **{source: s.fallbacks / max(s.draws, 1) for source, s in samplers.items()}}
    results = {}
    for direction in directions:
        margins = {RANDOM: {m: reference[m] for m in direction}}
        margins |= {source: {m: join(hard[direction, source, m]) for m in direction} for source in samplers}
        unit = {m: reference[m].std() if reference[m].any() else 1.0 for m in direction}
        scaled = {source: {m: x / unit[m] for m, x in by.items()} for source, by in margins.items()}
        results[direction] = _distributions(direction, scaled, pairs, stand_ins)
    return results


def _distributions(
    direction: Direction,
    margins: Mapping[str, Mapping[str, NDArray[np.float64]]],
    pairs: _Judged,
    stand_ins: Mapping[str, float],
) -> HardMargins:
    a, b = direction

    def share(true: NDArray[np.bool_]) -> Measurement:
        return Measurement.ratio(*(_sum_by_user(x, pairs.row, len(pairs.everyone)) for x in (true, np.ones_like(true))))

    return HardMargins(
        hard_in=a,
        separable_in=b,
        confused={source: share(x[a] < 0) for source, x in margins.items()},
        separated={source: share(x[b] > 0) for source, x in margins.items()},
        both={source: share((x[a] < 0) & (x[b] > 0)) for source, x in margins.items()},
        medians={s: {m: float(np.median(x)) if x.size else np.nan for m, x in by.items()} for s, by in margins.items()},
        counts={
            s: {m: np.histogram(x.clip(EDGES[0], EDGES[-1]), EDGES)[0] for m, x in by.items()}
            for s, by in margins.items()
        },
        stand_ins=stand_ins,
    )


def _sum_by_user(values: NDArray[Any], row: Tensor, users: int) -> NDArray[np.float64]:
    """Adds up values of pairs, shape [P, n], by user."""
    return np.bincount(row.numpy(), weights=values.sum(axis=1), minlength=users).astype(np.float64)


@dataclass(frozen=True)
class _Judged(HeldOutPairs):
    """Held-out pairs whose users know not every item, and a sampler of items that they do not know."""

    sampler: UniformSampler

    def items_with(self, negatives: Tensor) -> Tensor:
        return torch.cat([self.items.unsqueeze(1), negatives], dim=1)


def _held_out(data: MultimodalDataset, split: str) -> _Judged:
    known = known_pairs(data)
    full = torch.bincount(known[0], minlength=data.num_users) >= data.num_items
    sampler = UniformSampler(known[:, ~full[known[0]]], data.num_users, data.num_items)
    pairs = held_out_pairs(data, split)
    keep = ~full[pairs.users]
    return _Judged(pairs.everyone, pairs.row[keep], pairs.items[keep], sampler)
