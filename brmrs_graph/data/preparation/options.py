"""What a person may want of a prepared data set."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brmrs_graph.data.encoders.vectors import vectors_file
from brmrs_graph.data.filters import Filters
from brmrs_graph.data.preparation.interactions import SplitRule
from brmrs_graph.errors import ConfigError


@dataclass(frozen=True)
class Options:
    """What is made of a source.

    Args:
        filters: Which interactions are kept (default: each pair once).
        split: How they are split (default: as the source says, or else at random).
        seed: Seed of the split.
        text_fields: Text fields of the items, in the order in which they are encoded (default: all).
        unseen_items: Whether to keep items of the catalogue without interactions. Those of MMRec's layout, where a row
            is an item, are kept in any case, unless a k-core is asked for.
        text_encoder: Name of an encoder, or ``file:PATH`` (default: the vectors that the source has, or ``minilm``).
        image_encoder: The same for pictures (default: the vectors that the source has, or ``efficientnet-lite0``).
        pca: Rotate features to this many dimensions, where they have more (default: leave them).
        whiten: Whether to scale the rotated features to equal energy in all dimensions.

    Raises:
        ConfigError: If two options contradict each other, or ``pca`` is not positive.
    """

    filters: Filters = field(default_factory=Filters)
    split: SplitRule | None = None
    seed: int = 999
    text_fields: tuple[str, ...] = ()
    unseen_items: bool = False
    text_encoder: str | None = None
    image_encoder: str | None = None
    pca: int | None = None
    whiten: bool = False

    def __post_init__(self) -> None:
        """Checks the values."""
        if self.unseen_items and self.filters.core > 1:
            raise ConfigError(
                f"a {self.filters.core}-core has no items without interactions; leave one of the two options out"
            )
        if self.pca is not None and self.pca < 1:
            raise ConfigError(f"features cannot be rotated to {self.pca} dimensions; give a positive number")
        if self.whiten and self.pca is None:
            raise ConfigError("whitening needs the number of dimensions to rotate to; give that, too")

    def encoder(self, modality: str) -> str | None:
        """The encoder that was named for a modality; None if none was."""
        return {"textual": self.text_encoder, "visual": self.image_encoder}.get(modality)

    def to_dict(self) -> dict[str, Any]:
        """The options as a manifest holds them, with files by their names alone."""
        return {
            "min_rating": self.filters.min_rating,
            "k_core": self.filters.core,
            "split": self.split,
            "seed": self.seed,
            "text_fields": list(self.text_fields),
            "unseen_items": self.unseen_items,
            "text_encoder": _nameless(self.text_encoder),
            "image_encoder": _nameless(self.image_encoder),
            "pca": self.pca,
            "whiten": self.whiten,
        }


def _nameless(encoder: str | None) -> str | None:
    path = vectors_file(encoder)
    return f"file:{Path(path).name}" if path else encoder
