"""Where every branch ranks the held-out items of every user, and the pairs on which modalities and fusion differ."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.held_out import HeldOutPairs
from brmrs_graph.topk import leave_out


@torch.no_grad()
def held_out_places(
    branches: Branches, data: MultimodalDataset, pairs: HeldOutPairs, names: Sequence[str], block: int = 512
) -> Tensor:
    """Place of every held-out pair in the ranking of all items but those the user has in training.

    Among equal scores the lower id comes first, as in :func:`~brmrs_graph.evaluation.rank`.

    Args:
        branches: The model's branches.
        data: The data set.
        pairs: The held-out pairs.
        names: Branches that rank.
        block: Users, and pairs, handled at once.

    Returns:
        Places from 1, int64, shape [P, len(names)].
    """
    places = torch.empty(pairs.items.numel(), len(names), dtype=torch.int64)
    every_item = torch.arange(data.num_items)
    bounds = torch.searchsorted(pairs.row, torch.arange(0, pairs.everyone.numel() + block, block))
    for start, low, high in zip(range(0, pairs.everyone.numel(), block), bounds[:-1], bounds[1:], strict=False):
        users = pairs.everyone[start : start + block]
        seen = data.train[users.numpy()]
        for column, name in enumerate(names):
            scores = branches.score_all(name, users)
            leave_out(scores, seen)
            for part in torch.arange(int(low), int(high)).split(block):
                item, row = pairs.items[part].unsqueeze(1), scores[pairs.row[part] - start]
                own = row.gather(1, item)
                before = (row > own) | ((row == own) & (every_item < item))
                places[part, column] = 1 + before.sum(dim=1)
    return places


def rescued(places: Tensor, modalities: Sequence[int], fused: int, k: int) -> Tensor:
    """Pairs that a modality misses, another one finds and the fused ranking finds, too; the clearest first.

    Args:
        places: Places of pairs, shape [P, branches].
        modalities: Columns of the modalities.
        fused: Column of the fused ranking.
        k: Places up to this one count as found.

    Returns:
        Positions of pairs, int64, by falling (place in the worst modality) / (fused place).
    """
    own, together = places[:, list(modalities)], places[:, fused]
    chosen = (own > k).any(dim=1) & (own <= k).any(dim=1) & (together <= k)
    return _ordered(chosen, own[chosen].amax(dim=1), together[chosen])


def hurt(places: Tensor, modalities: Sequence[int], fused: int, k: int) -> Tensor:
    """Pairs that a modality finds and the fused ranking misses, by falling (fused place) / (place in the best one)."""
    own, together = places[:, list(modalities)], places[:, fused]
    chosen = (own <= k).any(dim=1) & (together > k)
    return _ordered(chosen, together[chosen], own[chosen].amin(dim=1))


def _ordered(chosen: Tensor, worse: Tensor, better: Tensor) -> Tensor:
    return chosen.nonzero().squeeze(1)[(worse.double() / better).argsort(descending=True, stable=True)]
