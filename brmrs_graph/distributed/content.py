"""What takes the features of all items: scaling them, and their nearest neighbours."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from brmrs_graph.blas import dot_products
from brmrs_graph.distributed.partition import Partition
from brmrs_graph.distributed.ranks import Ranks
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.graphs.knn import check_k
from brmrs_graph.topk import merge_best


def standardize_on_ranks(x: Tensor, missing: Tensor, ranks: Ranks) -> Tensor:
    """:func:`~brmrs_graph.data.features.standardize` of all items, for the own rows.

    Sums over all items are made in double precision, so that the number of ranks changes their last bits alone.

    Args:
        x: Features of the own items, shape [own, d].
        missing: True where an own item lacks the modality, bool, shape [own].
        ranks: The ranks.
    """
    there = x[~missing].double()
    sums = ranks.sum(torch.cat([there.sum(dim=0), there.new_tensor([len(there)])]).to(ranks.device), "set-up").cpu()
    count = max(float(sums[-1]), 1.0)
    centred = (x - (sums[:-1] / count).to(x.dtype)).masked_fill(missing.unsqueeze(1), 0)
    square = ranks.sum(centred.double().square().sum().to(ranks.device), "set-up")
    return centred / float((square / (count * x.size(1))).sqrt().clamp(min=1e-6))


def sharded_knn_graph(
    x: Tensor, k: int, *, missing: Tensor, items: Partition, ranks: Ranks, block: int = 1024
) -> SparseGraph:
    """The rows of :func:`~brmrs_graph.graphs.knn_graph` that belong to this rank, own items × all items.

    The features of all ranks pass by, one rank's at a time; memory is ``block`` rows of one rank's items. Which of
    equal similarities are taken at the cut is open, as it is in ``knn_graph``; among ranks the lower one comes first.

    Args:
        x: Features of the own items, shape [own, d].
        k: Neighbours per item.
        missing: True where an own item lacks the modality, bool, shape [own].
        items: Who owns the items.
        ranks: The ranks.
        block: Rows compared at once.

    Raises:
        ConfigError: If ``k`` is not between 1 and |I| - 1.
    """
    check_k(k, items.size - 1, items.size)
    x = F.normalize(x.float(), dim=1).to(ranks.device)
    own = (~(missing.to(x.device) | (x.abs().sum(dim=1) == 0))).nonzero().squeeze(1)
    known, ids = x[own], own + items.own.start
    present = torch.zeros(ranks.size, dtype=torch.int64, device=x.device)
    present[ranks.rank] = own.numel()
    counts = ranks.sum(present, "set-up").tolist()
    k = min(k, max(sum(counts) - 1, 0))
    similarity, neighbor = x.new_empty(own.numel(), 0), ids.new_empty(own.numel(), 0)
    parts = zip(ranks.stream(known, counts, "set-up"), ranks.stream(ids, counts, "set-up"), strict=True)
    for source, (others, other_ids) in enumerate(parts):
        found = []
        for rows in torch.arange(own.numel(), device=x.device).split(block):
            scores = dot_products(known[rows], others)
            if source == ranks.rank:
                scores[rows - rows[:1], rows] = -torch.inf
            found.append(scores.topk(min(k, scores.size(1)), dim=1))
        if found:
            values, at = (torch.cat([top[part] for top in found]) for part in (0, 1))
            similarity, neighbor = merge_best(similarity, neighbor, values, other_ids[at], k)
    degree = torch.zeros(len(items.own), dtype=torch.int32, device=x.device)
    degree[own] = k
    indptr = F.pad(degree.cumsum(0, dtype=torch.int32), (1, 0))
    weight = similarity.clamp(max=1.0).reshape(-1)
    return SparseGraph(indptr, neighbor.reshape(-1).to(torch.int32), weight, items.size)
