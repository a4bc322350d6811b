"""Which rows of a table belong to which rank."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from brmrs_graph.errors import ConfigError


@dataclass(frozen=True)
class Partition:
    """Contiguous ranges of rows, cut as :func:`torch.chunk` cuts them and ``Shard(0)`` of a DTensor describes them.

    Args:
        size: Number of rows, of all ranks together.
        ranks: Number of ranks.
        rank: This one.

    Raises:
        ConfigError: If a rank would have no row.
    """

    size: int
    ranks: int
    rank: int

    def __post_init__(self) -> None:
        """Checks that every rank has a row."""
        if not self.of(self.ranks - 1):
            raise ConfigError(f"{self.size} users or items cannot be shared out among {self.ranks} ranks; use fewer")

    @property
    def chunk(self) -> int:
        """Rows of every rank but the last, which may have fewer."""
        return -(-self.size // self.ranks)

    @property
    def own(self) -> range:
        """The rows of this rank."""
        return self.of(self.rank)

    def of(self, rank: int) -> range:
        """The rows of a rank."""
        return range(min(rank * self.chunk, self.size), min((rank + 1) * self.chunk, self.size))

    def owner(self, ids: Tensor) -> Tensor:
        """The rank of every row, int64 in the shape of ``ids``."""
        return ids.div(self.chunk, rounding_mode="floor")

    def owns(self, ids: Tensor) -> Tensor:
        """Whether rows belong to this rank, bool in the shape of ``ids``."""
        return (ids >= self.own.start) & (ids < self.own.stop)

    def local(self, ids: Tensor) -> Tensor:
        """Where rows of this rank are in its own table."""
        return ids - self.own.start
