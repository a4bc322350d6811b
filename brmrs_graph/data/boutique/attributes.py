"""The true attributes of the garments, and which modality tells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHARED: Mapping[str, tuple[str, ...]] = {
    "kind": (
        "t-shirt", "shirt", "jumper", "coat", "dress", "skirt",
        "trousers", "shorts", "hat", "boots", "bag", "scarf",
    ),
    "cut": ("slim", "regular", "wide"),
}  # fmt: skip
"""Attributes that the picture shows *and* the text tells: the redundant part."""

PICTURE_ONLY: Mapping[str, tuple[str, ...]] = {
    "colour": ("black", "white", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown"),
    "pattern": ("plain", "stripes", "checks", "dots", "flowers"),
}
"""Attributes that only the picture shows; no text names them."""

TEXT_ONLY: Mapping[str, tuple[str, ...]] = {
    "material": ("cotton", "linen", "wool", "silk", "leather", "velvet", "hemp", "nylon"),
    "occasion": ("everyday", "office", "evening", "beach", "hiking", "wedding"),
    "care": ("machine wash", "hand wash", "dry clean", "wipe clean"),
}
"""Attributes that only the text tells; no picture depends on them."""

VOCABULARY: Mapping[str, tuple[str, ...]] = {**SHARED, **PICTURE_ONLY, **TEXT_ONLY}
"""Every attribute and its values."""

JOINT = ("occasion", "colour")
"""The told and the shown attribute whose *combination* users care about."""


@dataclass(frozen=True)
class Attributes:
    """True attributes of a catalogue.

    Attributes:
        codes: For each attribute of :data:`VOCABULARY` the index of each garment's value, shape
            ``(n_items,)``.
        popularity: Standard normal log-popularity of each garment, shape ``(n_items,)``.
    """

    codes: Mapping[str, NDArray[np.int64]]
    popularity: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.popularity)

    def of(self, item: int) -> dict[str, str]:
        """The values of one garment by the names of the attributes."""
        return {name: values[self.codes[name][item]] for name, values in VOCABULARY.items()}


def sample_attributes(n_items: int, rng: np.random.Generator) -> Attributes:
    """Draw the garments' attributes, every value of an attribute equally often.

    Attributes are independent of each other, so that a modality carries nothing about an attribute that only
    the other one has. The two joint attributes are drawn together as a balanced design: as far as ``n_items``
    is a multiple of the number of their combinations, an interaction table with zero row and column means is
    then uncorrelated with both of them *in the catalogue*, not just on average.

    Args:
        n_items: Garments.
        rng: Source of randomness.
    """
    codes = {name: _balanced(n_items, len(values), rng) for name, values in VOCABULARY.items() if name not in JOINT}
    told, shown = JOINT
    n_told, n_shown = len(VOCABULARY[told]), len(VOCABULARY[shown])
    codes[told], codes[shown] = np.divmod(_balanced(n_items, n_told * n_shown, rng), n_shown)
    return Attributes(codes=codes, popularity=rng.standard_normal(n_items))


def _balanced(n_items: int, n_values: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Codes in random order whose counts differ by at most one."""
    which = rng.permutation(n_values)  # which values get the one more, where it does not divide
    return which[rng.permutation(n_items) % n_values]
