"""What is wrong on purpose: texts and pictures that do not belong to their garment, or are not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NONE = "none"
SWAPPED = "swapped"


@dataclass(frozen=True)
class Faults:
    """Faults of one modality.

    Attributes:
        fault: Name of each garment's fault, ``"none"`` where there is none, length ``n_items``.
        source: The garment whose text or picture each garment carries, shape ``(n_items,)``: its own id,
            another one's where swapped, -1 where it carries nobody's.
    """

    fault: tuple[str, ...]
    source: NDArray[np.int64]


def sample_faults(n_items: int, shares: Mapping[str, float], rng: np.random.Generator) -> Faults:
    """Draw which garments are faulty and how.

    Shares are met exactly (to a rounding). Swapped garments pass their texts or pictures on in a circle, so
    that none keeps its own; one alone cannot be swapped and stays as it is.

    Args:
        n_items: Garments.
        shares: Share of garments for each fault; ``"swapped"`` is the one that has a source.
        rng: Source of randomness.
    """
    fault = np.full(n_items, NONE, dtype=object)
    source = np.arange(n_items)
    order = rng.permutation(n_items)
    start = 0
    for name, share in shares.items():
        chosen = order[start : start + round(share * n_items)]
        start += len(chosen)
        if name == SWAPPED and len(chosen) < 2:
            continue
        fault[chosen] = name
        source[chosen] = np.roll(chosen, 1) if name == SWAPPED else -1
    return Faults(fault=tuple(fault), source=source)
