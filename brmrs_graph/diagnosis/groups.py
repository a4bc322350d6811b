"""The rates of the diagnosis by how much is known of a user or an item: by training degree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.candidates import CandidateSets
from brmrs_graph.diagnosis.complementarity import outcomes
from brmrs_graph.diagnosis.held_out import held_out_pairs
from brmrs_graph.diagnosis.partition import found_pairs, require_same_users
from brmrs_graph.evaluation import Measurement, Ranking, ndcg
from brmrs_graph.sampling import Direction

ByDegree = Mapping[str, Measurement]
"""Range of training interactions (``"1-3"``, ``"4"``, ``"5-17"``) -> a rate in that group, in ascending order."""


@dataclass(frozen=True)
class DegreeGroups:
    """Groups of about equal size by degree; equal degrees are never in different groups.

    Args:
        labels: Range of degrees of every group, ascending: ``"1-3"``, or ``"4"``.
        index: Group of every degree that was given, int64, shape [n].
    """

    labels: tuple[str, ...]
    index: Tensor


def degree_groups(degree: Tensor, over: Tensor | None = None, parts: int = 4) -> DegreeGroups:
    """Cuts degrees at their quantiles; where many are equal, there are fewer groups than asked for.

    Args:
        degree: Degrees to be grouped, int64, shape [n].
        over: Degrees whose quantiles are the cuts, int64, any shape (default: ``degree`` itself). Grouping items by
            the degrees of held-out *pairs* makes groups of about as many pairs each.
        parts: Number of groups asked for.
    """
    values = (degree if over is None else over).reshape(-1).sort().values
    n = values.numel()
    if n == 0:
        return DegreeGroups((), torch.zeros_like(degree))
    # A cut is the largest degree of its group; the last group ends with the largest of all.
    cuts = torch.stack([values[(n * part + parts - 1) // parts - 1] for part in range(1, parts + 1)]).unique()
    low = [int(values[0]), *(cuts[:-1] + 1).tolist()]
    labels = tuple(f"{a}-{b}" if a < b else f"{b}" for a, b in zip(low, cuts.tolist(), strict=True))
    return DegreeGroups(labels, torch.bucketize(degree, cuts[:-1]))


def degeneration_by_degree(
    fused: Ranking, single: Mapping[str, Ranking], data: MultimodalDataset, k: int = 20, parts: int = 4
) -> ByDegree:
    """Share of users with NDCG@k(f) < max_m NDCG@k(m), by the users' training interactions.

    Args:
        fused: The ranking by the fused score.
        single: Modality -> ranking.
        data: The data set.
        k: Length of the ranking that is judged.
        parts: Number of groups.

    Raises:
        ValueError: If the rankings are not over the same users and held-out pairs.
    """
    require_same_users(fused, *single.values())
    best = torch.stack([ndcg(ranking, k) for ranking in single.values()]).amax(dim=0)
    groups = degree_groups(_degrees(data, 1)[fused.users], parts=parts)
    inside = torch.arange(len(groups.labels)).unsqueeze(1) == groups.index
    worse = ndcg(fused, k) < best
    return {label: Measurement.ratio(worse & users, users) for label, users in zip(groups.labels, inside, strict=True)}


@dataclass(frozen=True)
class PartitionByDegree:
    """Shares of the held-out pairs, by the training interactions of their item.

    Args:
        fusion_loss: Some modality finds the pair and the fused score does not.
        synergy: Only the fused score finds the pair.
    """

    fusion_loss: ByDegree
    synergy: ByDegree


def partition_by_degree(
    rankings: Mapping[str, Ranking],
    modalities: Sequence[str],
    data: MultimodalDataset,
    k: int = 20,
    parts: int = 4,
) -> PartitionByDegree:
    """Fusion loss and synergy, see :class:`~brmrs_graph.diagnosis.Partition`, by the item's training interactions.

    Args:
        rankings: Branch name -> ranking of the test pairs.
        modalities: The unimodal branches.
        data: The data set.
        k: Length of the ranking that counts as found.
        parts: Number of groups.

    Raises:
        ValueError: If the rankings are not over the same users, or not over the data set's test pairs.
    """
    branches = (*modalities, FUSED)
    first = rankings[FUSED]
    require_same_users(*(rankings[name] for name in branches))
    held_out = held_out_pairs(data)
    users, row, items = held_out.everyone, held_out.row, held_out.items
    if not (torch.equal(users, first.users) and torch.equal(torch.bincount(row), first.num_relevant)):
        raise ValueError(f"the rankings are not over the test pairs of data set '{data.name}'; rank those")
    degree = _degrees(data, 0)
    groups = degree_groups(degree, over=degree[items], parts=parts)
    found = found_pairs(rankings, branches, k)
    fused = found.hit[:, -1]
    alone = fused & ~found.hit[:, :-1].any(dim=1)
    pairs = _by_user(row, groups.index[items], users.numel(), groups)

    def share(which: Tensor) -> ByDegree:
        part = _by_user(found.row[which], groups.index[found.item[which]], users.numel(), groups)
        return _ratios(part, pairs, groups)

    return PartitionByDegree(fusion_loss=share(~fused), synergy=share(alone))


@dataclass(frozen=True)
class ComplementarityByDegree:
    """Complementarity failure by the training interactions of the positive, without controls.

    Args:
        content: The content rate, see :class:`~brmrs_graph.diagnosis.Complementarity`.
        failure: The failure proper; None where the model lacks one of the two branches.
    """

    content: ByDegree
    failure: ByDegree | None


def complementarity_by_degree(
    branches: Branches, sets: CandidateSets, parts: int = 4
) -> dict[Direction, ComplementarityByDegree]:
    """Both complementarity failure rates in every direction, by the positive's training interactions.

    Args:
        branches: The model's branches.
        sets: The comparisons.
        parts: Number of groups.

    Raises:
        TrainingError: If embeddings are not finite.
    """
    groups = degree_groups(sets.degree, over=sets.degree[sets.items], parts=parts)
    measured = {}
    for direction, graph in sets.lookalikes.items():
        counts = torch.zeros(4, sets.num_users, len(groups.labels), dtype=torch.int64)
        for seen in outcomes(branches, sets, graph, (direction,)):
            row, group = sets.row[seen.pair], groups.index[sets.items[seen.pair]]
            everything = torch.ones_like(seen.loses)
            met = seen.condition.get(direction, ~everything)
            for count, which in zip(counts, (seen.loses, everything, seen.loses & met, met), strict=True):
                count += _by_user(row[which], group[which], sets.num_users, groups)
        lost, pairs, lost_met, met_pairs = counts
        has_both = set(direction) <= set(branches.modalities)
        measured[direction] = ComplementarityByDegree(
            _ratios(lost, pairs, groups), _ratios(lost_met, met_pairs, groups) if has_both else None
        )
    return measured


def _degrees(data: MultimodalDataset, axis: int) -> Tensor:
    return torch.from_numpy(np.asarray(data.train.getnnz(axis=axis), dtype=np.int64))


def _by_user(row: Tensor, group: Tensor, num_users: int, groups: DegreeGroups) -> Tensor:
    size = len(groups.labels)
    return torch.bincount(row * size + group, minlength=num_users * size).view(num_users, size)


def _ratios(numerator: Tensor, denominator: Tensor, groups: DegreeGroups) -> ByDegree:
    columns = zip(groups.labels, numerator.t(), denominator.t(), strict=True)
    return {label: Measurement.ratio(part, whole) for label, part, whole in columns}
