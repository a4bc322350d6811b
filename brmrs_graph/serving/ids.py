"""Original ids and their positions in the tables of a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brmrs_graph.errors import DataError

_SHOWN, _LENGTH = 5, 40


class Ids:
    """The ids of one side, in the order of the rows of its vectors.

    Args:
        kind: What they are of, ``"user"`` or ``"item"``; for the messages.
        names: The ids, all different.
    """

    def __init__(self, kind: str, names: Sequence[str]) -> None:
        self.kind = kind
        self._position = {name: position for position, name in enumerate(names)}
        # The last entry is what stands at position -1: nothing.
        self._names = np.array([*names, None], dtype=object)

    def positions(self, wanted: str | Iterable[str]) -> NDArray[np.int64]:
        """Positions of ids.

        Args:
            wanted: One id or several, strings as they are written in the data set (``"007"`` is not ``"7"``).

        Returns:
            int64, shape [B]; [1] for one id.

        Raises:
            DataError: Naming the ids that are unknown, and how many there are.
        """
        listed: list[Any] = list(wanted) if isinstance(wanted, Iterable) and not isinstance(wanted, str) else [wanted]
        # Only strings are looked up: 7 must not find "7", nor fail as a list would, which has no hash.
        found = [self._position.get(name, -1) if isinstance(name, str) else -1 for name in listed]
        if -1 in found:
            unknown = list(dict.fromkeys(_shown(name) for name, place in zip(listed, found, strict=True) if place < 0))
            more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
            raise DataError(
                f"{len(unknown):,} of the {self.kind} ids are unknown to the model: {', '.join(unknown[:_SHOWN])}{more}"
                f"; give ids of the data set that it was trained on, as strings ({self.kind}_ids lists them)"
            )
        return np.array(found, dtype=np.int64)

    def names(self, positions: NDArray[np.int64]) -> NDArray[np.object_]:
        """The ids at positions, in their shape; None where a position is -1."""
        return self._names[positions]


def _shown(name: object) -> str:
    text = repr(name)
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}…"
