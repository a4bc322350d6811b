"""The best columns of every row, at once or in parts that are merged."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

CHUNK = 8
"""Columns of which only the best is looked at first, where there are many."""

FEW = 8
"""Columns are many while there are at least so many chunks for each that is wanted; below that topk is as fast."""


def top_items(scores: Tensor, k: int) -> Tensor:
    """The k best columns of every row, best first; among equal scores the lower id comes first.

    ``topk`` alone leaves the order of ties open, which makes popularity baselines irreproducible.

    Args:
        scores: Scores, shape [n, |I|].
        k: At most |I|.

    Returns:
        Item ids, int64, shape [n, k].
    """
    values, items = best_columns(scores, min(k + 1, scores.size(1)))
    by_id = items[:, :k].argsort(dim=1)
    items, best = items[:, :k].gather(1, by_id), values[:, :k].gather(1, by_id)
    items = items.gather(1, best.argsort(dim=1, descending=True, stable=True))
    if values.size(1) > k > 0:
        torn = (values[:, k - 1] == values[:, k]).nonzero().squeeze(1)  # equal scores on both sides of the cut
        if torn.numel():
            items[torn] = _split_tie(scores[torn], values[torn, k - 1], items[torn])
    return items


def best_columns(values: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k best columns of every row, best first, as ``topk`` gives them: which of equal values is open.

    Args:
        values: Shape [n, N].
        k: At most N.

    Returns:
        Their values and their ids (int64), each of shape [n, k].
    """
    chunks = values.size(1) // CHUNK
    if chunks <= FEW * k:
        best = values.topk(k, dim=1)
        return best.values, best.indices
    # As many values as are wanted, each at least as large as any in the other chunks, are in the k chunks with the best
    # maxima. Columns of a chunk lie far apart, so that the maxima of neighbouring chunks are taken side by side.
    whole = chunks * CHUNK
    _, best_chunks = best_columns(values[:, :whole].unflatten(1, (CHUNK, chunks)).amax(dim=1), k)
    ids = (best_chunks.unsqueeze(1) + chunks * _ids(CHUNK, values).unsqueeze(1)).flatten(1)
    ids = torch.cat([ids, (whole + _ids(values.size(1) - whole, values)).expand(len(ids), -1)], dim=1)
    best = values.gather(1, ids).topk(k, dim=1)
    return best.values, ids.gather(1, best.indices)


def leave_out(scores: Tensor, entries: sp.csr_matrix) -> None:
    """Scores the stored entries of a matrix -inf, in place.

    Args:
        scores: Shape [n, |I|].
        entries: Shape [n, |I|].
    """
    coo = entries.tocoo()
    row, col = (torch.from_numpy(x.astype(np.int64)).to(scores.device) for x in (coo.row, coo.col))
    scores[row, col] = -torch.inf


def _ids(n: int, like: Tensor) -> Tensor:
    return torch.arange(n, device=like.device)


def _split_tie(scores: Tensor, cut: Tensor, items: Tensor) -> Tensor:
    # Items above the cut are right already; the places of those at the cut go to the lowest ids among all that tie.
    k = items.size(1)
    ids = torch.arange(scores.size(1), device=scores.device)
    tied = torch.where(scores == cut.unsqueeze(1), ids, scores.size(1)).topk(k, dim=1, largest=False, sorted=True)
    above = (scores.gather(1, items) > cut.unsqueeze(1)).sum(dim=1, keepdim=True)
    place = torch.arange(k, device=scores.device) - above
    return torch.where(place < 0, items, tied.values.gather(1, place.clamp(min=0)))


def merge_best(values: Tensor, ids: Tensor, more: Tensor, more_ids: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k best of two lists in every row, best first; among equal values those of the first list come first.

    Args:
        values: The first list's values, shape [n, a].
        ids: Their ids, shape [n, a].
        more: The second list's values, shape [n, b].
        more_ids: Their ids, shape [n, b].
        k: Most that are kept.
    """
    values, ids = torch.cat([values, more], dim=1), torch.cat([ids, more_ids], dim=1)
    best = values.argsort(dim=1, descending=True, stable=True)[:, :k]
    return values.gather(1, best), ids.gather(1, best)
