"""Users of the page: what they took, what was held out, and what every branch recommends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.data.dataset import SPLITS
from brmrs_graph.diagnosis.held_out import HeldOutPairs
from brmrs_graph.evaluation import only_users, rank
from brmrs_graph.inspection.explorer.blocks import Block, ids, lines, numbers, rounded
from brmrs_graph.sampling import PairSet
from brmrs_graph.texts import tidy


def user_blocks(
    branches: Branches,
    data: MultimodalDataset,
    pairs: HeldOutPairs,
    places: Tensor,
    rows: NDArray[np.int64],
    names: Sequence[str],
    k: int,
) -> dict[str, Block]:
    """All that the page says of some users.

    Args:
        branches: The model's branches.
        data: The data set.
        pairs: Its test pairs.
        places: Their place in the ranking of every branch, see
            :func:`~brmrs_graph.inspection.explorer.places.held_out_places`.
        rows: Positions in ``pairs.everyone`` of the users to show, ascending, shape [n].
        names: Branches that rank.
        k: Length of the rankings.

    Returns:
        ``users/ids``; ``users/SPLIT/degree`` and ``/items``; ``users/places``, for one branch after the other the place
        of every test pair; for every branch ``users/BRANCH/top`` and ``/scores``, shape [n, k]; the score is NaN where
        nothing is left to recommend.
    """
    users = pairs.everyone.numpy()[rows]
    id_texts = data.user_ids or [str(user) for user in range(data.num_users)]
    blocks = {"users/ids": lines([tidy(id_texts[user]) for user in users])}
    for split in SPLITS:
        taken = data.split(split).sorted_indices()[users]
        blocks[f"users/{split}/degree"] = numbers(np.diff(taken.indptr).astype(np.uint32))
        blocks[f"users/{split}/items"] = ids(taken.indices, data.num_items)
    shown = torch.isin(pairs.row, torch.from_numpy(rows))
    blocks["users/places"] = ids(places[shown].t().numpy(), data.num_items + 1)
    seen = PairSet(data.train_edges, data.num_items)
    for name, ranking in rank(branches, data.train, only_users(data.test, users), k, names).items():
        blocks[f"users/{name}/top"] = ids(ranking.items.numpy(), data.num_items)
        scores = branches.score(name, ranking.users, ranking.items).detach().float().numpy()
        # Where fewer items are left than the ranking is long, training items fill it up.
        scores[seen.contains(ranking.users.unsqueeze(1), ranking.items).numpy()] = np.nan
        blocks[f"users/{name}/scores"] = numbers(rounded(scores))
    return blocks


def some_users(first: NDArray[np.int64], count: int, limit: int) -> NDArray[np.int64]:
    """Some of ``count`` positions, ascending: those given, and others at even distances up to ``limit`` in all."""
    others = np.setdiff1d(np.arange(count), first)
    room = max(min(limit - first.size, others.size), 0)
    return np.union1d(first, others[np.linspace(0, others.size - 1, room).astype(np.int64)])
