"""Who likes what: tastes of users, the utility of garments for them, and the garments that they choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brmrs_graph.data.boutique.attributes import (
    JOINT,
    PICTURE_ONLY,
    SHARED,
    TEXT_ONLY,
    VOCABULARY,
    Attributes,
)
from brmrs_graph.data.boutique.config import BoutiqueConfig

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TERMS: Mapping[str, tuple[str, ...]] = {
    "shared": tuple(SHARED),
    "picture": tuple(PICTURE_ONLY),
    "text": tuple(TEXT_ONLY),
}
"""The additive terms of the utility and the attributes that each of them sums over."""


@dataclass(frozen=True)
class Tastes:
    """What the users like.

    Attributes:
        styles: Each user's mix of styles, shape ``(n_users, n_styles)``, rows sum to 1.
        tables: For each attribute each user's liking of each value, shape ``(n_users, n_values)``; every row
            has mean 0 and standard deviation 1.
        joint: Each user's liking of each (occasion, colour), shape ``(n_users, n_occasions, n_colours)``; the
            mean of every row and of every column of a user's table is 0 and its standard deviation is 1.
    """

    styles: Floats
    tables: Mapping[str, Floats]
    joint: Floats


def sample_tastes(config: BoutiqueConfig, rng: np.random.Generator) -> Tastes:
    """Draw the users' tastes: a mix of a few styles, learnable from other users, and a part of their own."""
    styles = rng.dirichlet(np.full(config.n_styles, config.style_concentration), size=config.n_users)
    tables = {
        name: _standardise(_mixed_tastes(styles, (len(values),), config.own_taste, rng))
        for name, values in VOCABULARY.items()
    }
    told, shown = (len(VOCABULARY[name]) for name in JOINT)
    joint = double_centre(_mixed_tastes(styles, (told, shown), config.own_taste, rng))
    return Tastes(styles, tables, joint / joint.std(axis=(1, 2), keepdims=True))


def double_centre(tables: Floats) -> Floats:
    """Remove from each table all that its rows and columns say alone; what remains is pure interaction.

    Args:
        tables: Shape ``(..., rows, columns)``.
    """
    rows = tables.mean(axis=-1, keepdims=True)
    columns = tables.mean(axis=-2, keepdims=True)
    return np.asarray(tables - rows - columns + tables.mean(axis=(-2, -1), keepdims=True))


def utility_terms(tastes: Tastes, attributes: Attributes) -> dict[str, Floats]:
    """The parts of the utility before they are weighted.

    Returns:
        ``"shared"``, ``"picture"``, ``"text"`` and ``"joint"``, each ``(n_users, n_items)``, and
        ``"popularity"``, ``(n_items,)``; all of about unit variance over the garments.
    """
    codes = attributes.codes
    terms: dict[str, Floats] = {
        term: np.add.reduce([tastes.tables[name][:, codes[name]] for name in names]) / np.sqrt(len(names))
        for term, names in TERMS.items()
    }
    told, shown = JOINT
    terms["joint"] = tastes.joint[:, codes[told], codes[shown]]
    terms["popularity"] = attributes.popularity
    return terms


def true_utility(config: BoutiqueConfig, tastes: Tastes, attributes: Attributes) -> Floats:
    """Utility of each garment for each user without the noise of choice, shape ``(n_users, n_items)``.

    It uses the *true* attributes, whatever a faulty text or picture says.
    """
    weights = {
        "shared": config.shared_weight,
        "picture": config.picture_weight,
        "text": config.text_weight,
        "joint": config.joint_weight,
        "popularity": config.popularity_weight,
    }
    total = np.zeros((config.n_users, len(attributes)))
    for name, term in utility_terms(tastes, attributes).items():
        total += weights[name] * term
    return total


def choose(config: BoutiqueConfig, utility: Floats, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """The garments that the users choose.

    A user takes the ``n_u`` garments of the highest utility plus Gumbel noise: the same as drawing ``n_u``
    times without replacement with odds exp(utility). ``n_u`` is geometric from ``min_pairs`` on, cut at
    ``max_pairs``.

    Args:
        config: Gives the numbers of pairs.
        utility: Shape ``(n_users, n_items)``.
        rng: Source of randomness.

    Returns:
        Users and items of the pairs, each ``(n_pairs,)``, sorted by user, then item.
    """
    n_users, _ = utility.shape
    extra = rng.geometric(1 / (config.mean_pairs - config.min_pairs + 1), size=n_users) - 1
    n_pairs = np.minimum(config.min_pairs + extra, config.max_pairs)

    noisy = utility + rng.gumbel(size=utility.shape)
    last_taken = np.take_along_axis(-np.sort(-noisy, axis=1), n_pairs[:, None] - 1, axis=1)
    surplus = noisy - last_taken  # >= 0 for what is taken, and how far the rest was from it
    taken = surplus >= 0
    for item in np.flatnonzero(taken.sum(axis=0) < config.min_item_pairs):
        closest = np.argsort(-surplus[:, item], kind="stable")[: config.min_item_pairs]
        taken[closest, item] = True  # the highest surpluses include those who have it already
    users, items = np.nonzero(taken)
    return users, items


def _mixed_tastes(styles: Floats, shape: tuple[int, ...], own_taste: float, rng: np.random.Generator) -> Floats:
    """Normal tastes, ``(n_users, *shape)``; a share ``own_taste`` of their variance is the user's own."""
    n_users, n_styles = styles.shape
    of_styles = rng.standard_normal((n_styles, *shape))
    own = rng.standard_normal((n_users, *shape))
    # A mix of styles has the variance of the sum of its squared weights: divided out, a mixed user is as keen
    # as others.
    mix = styles / np.sqrt(np.square(styles).sum(axis=1, keepdims=True))
    learnable = np.tensordot(mix, of_styles, axes=1)
    return np.asarray(np.sqrt(1 - own_taste) * learnable + np.sqrt(own_taste) * own)


def _standardise(table: Floats) -> Floats:
    """Rows to mean 0 and standard deviation 1."""
    centred = table - table.mean(axis=1, keepdims=True)
    return np.asarray(centred / centred.std(axis=1, keepdims=True))
