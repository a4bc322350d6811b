"""Which kinds of information a model makes use of, where the kind that decides a pair is known: on planted data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.held_out import held_out_pairs
from brmrs_graph.evaluation import Measurement, Ranking


def recall_by_type(
    ranking: Ranking, data: MultimodalDataset, types: Sequence[str], k: int = 20
) -> dict[str, Measurement]:
    """The share of the test pairs of every kind that is among the first k.

    Pairs are counted, not users: a user may have none of a kind.

    Args:
        ranking: A ranking of the test pairs.
        data: The data set.
        types: The kind of every test pair, in the order of ``data.test`` (rows, then ascending columns).
        k: Length of the ranking that counts as found.

    Returns:
        Kind -> share, in alphabetical order.

    Raises:
        ValueError: If there is not one kind for every test pair.
    """
    pairs = held_out_pairs(data)
    row, items = pairs.row.numpy(), pairs.items.numpy()
    if len(types) != row.size:
        raise ValueError(f"there are {len(types)} types for {row.size} test pairs; give one for each")
    names, kind = np.unique(np.asarray(types, dtype=str), return_inverse=True)
    at, place = np.nonzero(ranking.hits[:, :k].numpy())
    found = np.isin(row * data.num_items + items, at * data.num_items + ranking.items.numpy()[at, place])
    shape = pairs.everyone.numel(), len(names)
    cell = row * shape[1] + kind
    total, hits = (np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape) for cells in (cell, cell[found]))
    return {str(name): Measurement.ratio(hits[:, i], total[:, i]) for i, name in enumerate(names)}
