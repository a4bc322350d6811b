"""Which branches find a held-out pair: the eight cells, and how often fusing hurts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import torch
from torch import Tensor

from brmrs_graph.branches import FUSED
from brmrs_graph.evaluation import Ranking, ndcg


def hit_partition(rankings: Mapping[str, Ranking], modalities: Sequence[str], k: int = 20) -> dict[str, float]:
    r"""The share of held-out pairs in every cell of hit@k by (modality 1, …, modality M, fused).

    A cell is named by its hits in that order: with (visual, textual, fused), ``"001"`` is synergy (only the fused
    score finds the pair), ``"110"``, ``"100"`` and ``"010"`` are fusion loss.

    Args:
        rankings: Branch name -> ranking, all over the same users and held-out pairs.
        modalities: The unimodal branches, in order.
        k: Length of the ranking that counts as found.

    Returns:
        Cell -> share, all :math:`2^{M+1}` cells; they sum to 1.
    """
    branches = [*modalities, FUSED]
    pairs = int(rankings[FUSED].num_relevant.sum())
    found = [_found(rankings[name], k) for name in branches]
    keys = torch.cat(found).unique()
    hit = torch.stack([torch.isin(keys, these) for these in found], dim=1)
    cells = {}
    for cell in product((0, 1), repeat=len(branches)):
        count = int((hit == torch.tensor(cell, dtype=torch.bool)).all(dim=1).sum())
        cells["".join(map(str, cell))] = count / max(pairs, 1)
    cells["0" * len(branches)] = (pairs - keys.numel()) / max(pairs, 1)
    return cells


def degeneration_rate(rankings: Mapping[str, Ranking], modalities: Sequence[str], k: int = 20) -> float:
    """The share of users whose NDCG@k is lower with the fused score than with the best single modality."""
    best = torch.stack([ndcg(rankings[name], k) for name in modalities]).amax(dim=0)
    return float((ndcg(rankings[FUSED], k) < best).double().mean())


def _found(ranking: Ranking, k: int) -> Tensor:
    hits = ranking.hits[:, :k]
    return (ranking.users.unsqueeze(1) * 2**31 + ranking.items[:, :k])[hits]
