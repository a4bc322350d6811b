"""What layers need of a graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from torch import Tensor


class Graph(ABC):
    """A weighted graph as a linear operator: its shape, its product with node vectors, and its transpose."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Number of rows of a product, and of rows of what is multiplied."""

    @abstractmethod
    def t(self) -> Any:
        """The transposed graph."""

    @abstractmethod
    def apply(self, fn: Callable[[Tensor], Tensor]) -> Any:
        """Applies ``fn`` to every tensor, as :meth:`torch.nn.Module._apply` does."""

    @abstractmethod
    def __matmul__(self, x: Tensor) -> Tensor: ...
