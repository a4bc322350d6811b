"""Part ``knn``: nearest neighbours of all items, and all graphs that a model builds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from brmrs_graph.blas import dot_products
from brmrs_graph.graphs import SparseGraph, bipartite_graph, item_graph, knn_graph
from brmrs_graph.sampling import common_neighbors
from experiments.benchmark.context import ROTATED, Context
from experiments.benchmark.memory import available
from experiments.benchmark.optional import package
from experiments.benchmark.sizes import random_features
from experiments.benchmark.timing import staged

K = 10
"""Neighbours of an item."""

BLOCK = 1024
"""Items compared at once, as in ``knn_graph``."""

PRODUCTS = 50_000_000_000
"""Multiplications that the similarities of a modality may take; of wide features fewer items are compared."""


LARGE = (50_000, 64)
"""Items and dimensions of the features among which neighbours are looked for approximately, too."""


def measure(context: Context) -> dict[str, Any]:
    """Times ``knn_graph`` beside brute force and faiss, for each modality, and the stages of building all graphs."""
    threads = context.settings.threads
    large = random_features(LARGE[0], {"": LARGE[1]})[""]
    found: dict[bool, SparseGraph] = {}

    def search(exact: bool) -> None:
        found[exact] = knn_graph(large, K, exact=exact)

    faiss = package("faiss")
    comparisons = {
        **{
            f"{x.size(1)}-d {modality}, {len(x):,} items": context.compare(searches(x, K, threads))
            for modality, x in some_items(context.data.features).items()
        },
        f"{LARGE[1]}-d, {LARGE[0]:,} items": context.compare(
            {
                "ours": partial(search, True),
                "ours, approximate": partial(search, False) if faiss else "faiss is not installed",
            }
        ),
        "building, stages": staged(context.times(lambda: _building(context))),
    }
    return {
        "title": f"the {K} nearest neighbours of every item, and graphs as a model builds them",
        "comparisons": comparisons,
        "facts": {"share of the exact neighbours found approximately": shared(found[True], found[False])}
        if faiss
        else {},
    }


def shared(exact: SparseGraph, other: SparseGraph) -> float:
    """The share of the edges of one graph that another has."""
    return common_neighbors(exact, other).num_edges / exact.num_edges


def some_items(features: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The features of the first items, as many as :data:`PRODUCTS` allows."""
    return {name: x[: int((PRODUCTS / x.size(1)) ** 0.5)] for name, x in features.items()}


def searches(x: Tensor, k: int, threads: int) -> dict[str, Callable[[], object] | str]:
    """Ways to find the k nearest neighbours of every row of x, shape [N, d], under cosine similarity; or why not."""
    needed = 4 * len(x) ** 2 / 2**30
    fits = 1.5 * needed < available()
    return {
        "ours": lambda: knn_graph(x, k),
        "brute force, N×N": (lambda: brute_force(x, k)) if fits else f"{needed:.1f} GiB do not fit in memory",
        "faiss, IndexFlatIP": (lambda: with_faiss(x, k, threads)) if package("faiss") else "not installed",
        "matrix products alone": lambda: products(x),
    }


def brute_force(x: Tensor, k: int) -> Tensor:
    """Neighbours by one matrix of all similarities, shape [N, k]."""
    x = F.normalize(x, dim=1)
    return (x @ x.t()).fill_diagonal_(-torch.inf).topk(k, dim=1).indices


def with_faiss(x: Tensor, k: int, threads: int) -> Tensor:
    """Neighbours by faiss's exact index, shape [N, k + 1]; an item finds itself as well."""
    faiss = package("faiss")
    faiss.omp_set_num_threads(threads)
    vectors = F.normalize(x, dim=1).numpy()
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return torch.from_numpy(index.search(vectors, k + 1)[1])


def products(x: Tensor) -> None:
    """All similarities, a block of rows at a time; nothing is looked for in them."""
    x = F.normalize(x, dim=1)
    for rows in x.split(BLOCK):
        dot_products(rows, x)


def _building(context: Context) -> Iterator[str]:
    data = context.data.rotated(ROTATED)
    yield f"rotation of features to {ROTATED}-d"
    graphs = {m: knn_graph(x, K, missing=data.missing[m]) for m, x in data.features.items()}
    yield "kNN graphs of the rotated features"
    item_graph(graphs, {})
    yield "item graph from them"
    bipartite_graph(data.train_edges, data.num_users, data.num_items).t()
    yield "user-item graph and its transpose"
