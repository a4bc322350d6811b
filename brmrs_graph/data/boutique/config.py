"""Every parameter of the boutique in one place."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BoutiqueConfig:
    """Parameters of the synthetic catalogue, its users and its faults.

    The defaults were fixed before any model was trained on the data, and stay: they describe the data set,
    they are not tuned. Utilities are in units of the scale of the Gumbel noise, so that a weight of 1 means
    that one standard deviation of a term multiplies the odds of a choice by *e*.

    Attributes:
        seed: Seed of everything; each part draws from a stream of its own, see :meth:`stream`.
        n_items: Garments in the catalogue. A multiple of 60 makes the 6 x 10 occasion-colour design exactly
            balanced.
        n_users: Users.
        mean_pairs: Mean number of garments that a user chooses (a shifted geometric distribution).
        min_pairs: Fewest garments of a user.
        max_pairs: Most garments of a user, before ``min_item_pairs`` adds any.
        min_item_pairs: Fewest users of a garment: one chosen less often goes to those who came closest to
            choosing it.
        n_styles: Communities of taste.
        style_concentration: Dirichlet concentration of a user's mix of styles; small means mostly one style.
        own_taste: Share of the variance of a user's tastes that is the user's own, shared with no style.
        shared_weight: Standard deviation of the term of attributes that are both shown and told (kind, cut).
        picture_weight: The same for attributes that are only shown (colour, pattern).
        text_weight: The same for attributes that are only told (material, occasion, care).
        joint_weight: The same for the interaction of the occasion (told) with the colour (shown).
        popularity_weight: The same for the garment's popularity, equal for all users and neither shown nor
            told.
        text_filler_share: Share of garments whose text is marketing that says nothing about them.
        text_swapped_share: Share of garments that carry the text of another one.
        text_empty_share: Share of garments without any text.
        picture_swapped_share: Share of garments that carry the picture of another one.
        picture_blank_share: Share of garments whose picture shows an empty background.
        picture_missing_share: Share of garments without a picture file.
    """

    seed: int = 2024
    n_items: int = 1200
    n_users: int = 2500
    mean_pairs: float = 12.0
    min_pairs: int = 5
    max_pairs: int = 80
    min_item_pairs: int = 5
    n_styles: int = 8
    style_concentration: float = 0.2
    own_taste: float = 0.2
    shared_weight: float = 1.0
    picture_weight: float = 0.9
    text_weight: float = 0.9
    joint_weight: float = 1.3
    popularity_weight: float = 0.5
    text_filler_share: float = 0.06
    text_swapped_share: float = 0.06
    text_empty_share: float = 0.02
    picture_swapped_share: float = 0.04
    picture_blank_share: float = 0.02
    picture_missing_share: float = 0.02

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
        if min(self.n_items, self.n_users, self.n_styles) < 1:
            raise ValueError("n_items, n_users and n_styles must be at least 1")
        if not 3 <= self.min_pairs <= self.mean_pairs <= self.max_pairs <= self.n_items:
            raise ValueError(
                "needs 3 <= min_pairs <= mean_pairs <= max_pairs <= n_items (fewer than three pairs "
                f"cannot be split), got {self.min_pairs}, {self.mean_pairs}, {self.max_pairs}, {self.n_items}"
            )
        if not 0 <= self.min_item_pairs <= self.n_users:
            raise ValueError(f"min_item_pairs must lie in [0, n_users], got {self.min_item_pairs}")
        if self.style_concentration <= 0 or not 0 <= self.own_taste <= 1:
            raise ValueError("style_concentration must be positive and own_taste lie in [0, 1]")
        for shares in (self.text_shares, self.picture_shares):
            if min(shares.values()) < 0 or sum(shares.values()) > 1:
                raise ValueError(f"the shares of faults must be >= 0 and sum to at most 1, got {shares}")

    @property
    def text_shares(self) -> dict[str, float]:
        """Share of garments with each text fault."""
        return {
            "filler": self.text_filler_share,
            "swapped": self.text_swapped_share,
            "empty": self.text_empty_share,
        }

    @property
    def picture_shares(self) -> dict[str, float]:
        """Share of garments with each picture fault."""
        return {
            "swapped": self.picture_swapped_share,
            "blank": self.picture_blank_share,
            "missing": self.picture_missing_share,
        }

    def stream(self, part: str, *keys: int) -> np.random.Generator:
        """A random stream of one part alone, so that a change to one part leaves the others as they are.

        Args:
            part: Name of the part.
            keys: Anything that tells streams of the same part apart, such as an item id.
        """
        return np.random.default_rng((self.seed, zlib.crc32(part.encode()), *keys))
