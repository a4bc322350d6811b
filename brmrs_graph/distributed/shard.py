"""A rank's part of a data set, dealt out by rank 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from brmrs_graph.data import SPLITS, MultimodalDataset
from brmrs_graph.distributed.partition import Partition
from brmrs_graph.distributed.ranks import Ranks


@dataclass(frozen=True, kw_only=True)
class Shard(MultimodalDataset):
    """A data set of which the rows of this rank's users and items are here.

    ``train``, ``valid`` and ``test`` have the rows of its users and the columns of all items, ``features`` and
    ``missing`` the rows of its items. :attr:`num_users`, :attr:`num_items` and :meth:`counts` are of the whole.

    Args:
        users: Which users are whose.
        items: Which items are whose.
        ranks: The ranks.
        totals: What :meth:`counts` gives.
        first_edge: Number of this rank's first training interaction among all, sorted by user.
    """

    users: Partition
    items: Partition
    ranks: Ranks
    totals: Mapping[str, int]
    first_edge: int

    def __post_init__(self) -> None:
        """Checks nothing: the whole data set has been checked."""

    @property
    def num_users(self) -> int:
        """|U|, of all ranks."""
        return self.users.size

    @property
    def num_items(self) -> int:
        """|I|, of all ranks."""
        return self.items.size

    def counts(self) -> dict[str, int]:
        """Users, items and interactions by split, of all ranks."""
        return dict(self.totals)


def deal(data: MultimodalDataset | None, ranks: Ranks) -> Shard:
    """Gives every rank its part of a data set that rank 0 has read; ids, texts and pictures stay there.

    Args:
        data: The data set; on rank 0 only, None elsewhere.
        ranks: The ranks.

    Raises:
        ConfigError: If there are fewer users or items than ranks.
    """
    head: dict[str, Any] = ranks.tell(None if data is None else _head(data))
    counts = head["counts"]
    users = Partition(counts["users"], ranks.size, ranks.rank)
    items = Partition(counts["items"], ranks.size, ranks.rank)
    splits = {name: _deal_rows(None if data is None else data.split(name), users, items.size, ranks) for name in SPLITS}
    features, missing = {}, {}
    for name, width in head["features"].items():
        x, lacks = (None, None) if data is None else (data.features[name], data.missing[name])
        features[name] = _deal_table(x, (len(items.own), width), torch.float32, items, ranks)
        missing[name] = _deal_table(lacks, (len(items.own),), torch.uint8, items, ranks).bool()
    edges = torch.zeros(ranks.size, dtype=torch.int64, device=ranks.device)
    edges[ranks.rank] = splits["train"].nnz
    first_edge = int(ranks.sum(edges, "set-up")[: ranks.rank].sum())
    return Shard(
        name=head["name"],
        **splits,
        features=features,
        missing=missing,
        synthetic=head["synthetic"],
        looked_for=tuple(head["looked_for"]),
        users=users,
        items=items,
        ranks=ranks,
        totals=counts,
        first_edge=first_edge,
    )


def _head(data: MultimodalDataset) -> dict[str, Any]:
    return {
        "name": data.name,
        "counts": data.counts(),
        "features": {name: x.size(1) for name, x in data.features.items()},
        "synthetic": data.synthetic,
        "looked_for": list(data.looked_for),
    }


def _deal_table(x: Tensor | None, shape: tuple[int, ...], dtype: torch.dtype, rows: Partition, ranks: Ranks) -> Tensor:
    def part(rank: int) -> Tensor:
        assert x is not None
        return x[rows.of(rank).start : rows.of(rank).stop]

    return ranks.deal(None if x is None else part, shape, dtype)


def _deal_rows(matrix: sp.csr_matrix | None, users: Partition, num_items: int, ranks: Ranks) -> sp.csr_matrix:
    def borders(rank: int) -> Tensor:
        return torch.from_numpy(_rows(matrix, users.of(rank)).indptr.astype(np.int64))

    def columns(rank: int) -> Tensor:
        return torch.from_numpy(_rows(matrix, users.of(rank)).indices.astype(np.int32))

    indptr = ranks.deal(None if matrix is None else borders, (len(users.own) + 1,), torch.int64)
    indices = ranks.deal(None if matrix is None else columns, (int(indptr[-1]),), torch.int32)
    ones = np.ones(indices.numel(), dtype=np.float32)
    return sp.csr_matrix((ones, indices.numpy(), indptr.numpy()), shape=(len(users.own), num_items))


def _rows(matrix: Any, own: range) -> sp.csr_matrix:
    return matrix[own.start : own.stop]
