"""The nearest neighbours of every vector, looked for where they are likely, by faiss."""

from __future__ import annotations

import importlib
import logging
from typing import Any

import torch
from torch import Tensor

from brmrs_graph.blas import dot_products
from brmrs_graph.errors import ConfigError

SAMPLE = 1000
"""Vectors whose neighbours are also found exactly, to measure the recall."""

MOST_PROBED = 1 / 8
"""Share of the groups that is looked through at most; where that is not enough, all products are hardly slower."""

BLOCK = 65_536
"""Vectors that are searched for at once; more would be copied for no gain."""

log = logging.getLogger(__name__)


def approximate_neighbors(x: Tensor, k: int, *, loop: bool = False, recall: float = 0.95) -> tuple[Tensor, Tensor]:
    r"""The k vectors of largest dot product with each vector, nearly.

    An inverted file (``IndexIVFFlat`` of faiss): k-means groups the vectors around :math:`4 \sqrt N` centres, and the
    neighbours of each are looked for in the groups nearest to it, in as many as it takes to find ``recall`` of the true
    neighbours of 1,000 random vectors, but in no more than an eighth of all. The recall reached is logged, as a warning
    where it is lower than asked for. Values are exact. Runs on the CPU, on as many threads as torch has; the same
    vectors give the same neighbours each time.

    Args:
        x: Vectors of length 1, shape [N, d].
        k: Neighbours of each; at most N, or N - 1 without loops.
        loop: Whether a vector may be its own neighbour; it then is the first one, with an infinite value.
        recall: Share of the true neighbours to be found, at most 1.

    Returns:
        Dot products and positions (int64), the largest first, each of shape [N, k]. Where fewer than k were found, the
        last ones are -inf and 0.

    Raises:
        ConfigError: If faiss is not installed.
    """
    vectors = x.cpu().contiguous()
    index = _index(vectors)

    def neighbors(of: Tensor) -> tuple[Tensor, Tensor]:
        values, found = (torch.from_numpy(part) for part in index.search(vectors[of].numpy(), k + 1))
        return _placed(values.masked_fill(found < 0, -torch.inf), found.clamp(min=0), of, k, loop)

    sample = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(0))[:SAMPLE]
    truth = _products(vectors, sample, k, loop)
    most = max(1, int(MOST_PROBED * index.nlist))
    while True:
        reached = _share_found(neighbors(sample)[1], truth)
        if reached >= recall or index.nprobe == most:
            break
        index.nprobe = min(2 * index.nprobe, most)
    log.log(
        logging.INFO if reached >= recall else logging.WARNING,
        "approximate neighbours of %d items: %.3f of the true ones found (sample of %d), in %d of %d groups",
        len(vectors),
        reached,
        len(sample),
        index.nprobe,
        index.nlist,
    )
    parts = [neighbors(rows) for rows in torch.arange(len(vectors)).split(BLOCK)]
    values, found = (torch.cat(part).to(x.device) for part in zip(*parts, strict=True))
    return values, found


def _index(vectors: Tensor) -> Any:
    try:
        faiss = importlib.import_module("faiss")
    except ImportError as error:
        raise ConfigError(
            f"the neighbours of {len(vectors)} items are looked for by faiss, which cannot be imported here "
            f"({error}): pip install faiss-cpu"
        ) from error
    faiss.omp_set_num_threads(torch.get_num_threads())
    size, dim = vectors.shape
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, max(1, int(4 * size**0.5)), faiss.METRIC_INNER_PRODUCT)
    # Ten rounds on 64 vectors a centre; more made no difference to the recall.
    index.cp.niter, index.cp.max_points_per_centroid = 10, 64
    index.train(vectors.numpy())
    index.add(vectors.numpy())
    index.nprobe = min(4, index.nlist)
    return index


def _products(vectors: Tensor, rows: Tensor, k: int, loop: bool) -> Tensor:
    """The true neighbours of some vectors, shape [n, k]."""
    found = []
    for some in rows.split(64):
        top = dot_products(vectors[some], vectors).topk(min(k + 1, len(vectors)), dim=1)
        found.append(_placed(top.values, top.indices, some, k, loop)[1])
    return torch.cat(found)


def _placed(values: Tensor, found: Tensor, of: Tensor, k: int, loop: bool) -> tuple[Tensor, Tensor]:
    """The k best of k + 1 found, with a vector itself in front or left out, however many duplicates it has."""
    own = found == of.unsqueeze(1)
    if loop:
        own[:, -1] |= ~own.any(dim=1)  # not found among its duplicates: it takes the last place
        found = torch.where(own, of.unsqueeze(1), found)
    values = values.masked_fill(own, torch.inf if loop else -torch.inf)
    best = values.argsort(dim=1, descending=True, stable=True)[:, :k]
    return values.gather(1, best), found.gather(1, best)


def _share_found(found: Tensor, truth: Tensor) -> float:
    return float((found.unsqueeze(2) == truth.unsqueeze(1)).any(dim=1).float().mean())
