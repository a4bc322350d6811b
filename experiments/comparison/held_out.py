"""The test pairs of a comparison, as far as tests and groups need them once the data set itself is out of reach."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.held_out import held_out_pairs
from brmrs_graph.evaluation import Ranking

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TestPairs:
    """The held-out pairs of the test split, by user and then by item.

    Args:
        count: Pairs of every user that has some, int64, shape [n].
        degree: Training interactions of the item of every pair, int64, shape [P].
    """

    __test__ = False  # no test class, whatever pytest makes of the name

    count: NDArray[np.int64]
    degree: NDArray[np.int64]

    @classmethod
    def of(cls, data: MultimodalDataset) -> TestPairs:
        """Those of a data set."""
        pairs = held_out_pairs(data)
        degree = np.diff(data.train.tocsc().indptr).astype(np.int64)
        return cls(np.bincount(pairs.row.numpy()).astype(np.int64), degree[pairs.items.numpy()])

    @classmethod
    def from_json(cls, packed: Mapping[str, str]) -> TestPairs:
        """Reads what :meth:`to_json` gave."""
        return cls(*(np.frombuffer(_inflate(packed[key]), np.int32).astype(np.int64) for key in ("count", "degree")))

    def to_json(self) -> dict[str, str]:
        """Both arrays as compressed text."""
        return {key: _deflate(getattr(self, key).astype(np.int32).tobytes()) for key in ("count", "degree")}

    def recall(self, found: Bools, among: Bools | None = None) -> Floats:
        """Recall by user.

        Args:
            found: Whether a ranking finds each pair, shape [P].
            among: Pairs that count (default: all), shape [P].

        Returns:
            Found share of the pairs of every user that has some that count.
        """
        row = np.repeat(np.arange(len(self.count)), self.count)
        among = np.ones_like(found) if among is None else among
        total = np.bincount(row, weights=among, minlength=len(self.count))
        hits = np.bincount(row, weights=found & among, minlength=len(self.count))
        return (hits[total > 0] / total[total > 0]).astype(np.float64)


def found_pairs(ranking: Ranking, data: MultimodalDataset) -> Bools:
    """Whether a ranking of the test split finds each of the pairs of :class:`TestPairs`, shape [P]."""
    pairs = held_out_pairs(data)
    user = ranking.users.unsqueeze(1).expand_as(ranking.items)[ranking.hits]
    hits = user * data.num_items + ranking.items[ranking.hits]
    return np.isin((pairs.users * data.num_items + pairs.items).numpy(), hits.numpy())


def pack(found: Bools) -> str:
    """Truth values as compressed text."""
    return _deflate(np.packbits(found).tobytes())


def unpack(text: str, size: int) -> Bools:
    """The ``size`` truth values that :func:`pack` made a text of."""
    return np.unpackbits(np.frombuffer(_inflate(text), np.uint8), count=size).astype(bool)


def _deflate(content: bytes) -> str:
    return base64.b85encode(zlib.compress(content, 9)).decode()


def _inflate(text: str) -> bytes:
    return zlib.decompress(base64.b85decode(text))
