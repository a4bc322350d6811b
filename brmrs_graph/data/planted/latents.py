"""Hidden vectors of items and users, and what the two modalities show of the items'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from brmrs_graph.data.planted.config import PlantedConfig

Floats = NDArray[np.float64]
Vectors = TypeVar("Vectors", Floats, Tensor)

UNIQUE: Mapping[str, str] = {"visual": "v", "textual": "t"}
"""Modality -> the influence that it alone shows."""

CONCENTRATION = 0.2
"""Dirichlet concentration of a user's mix of styles; small means mostly one style."""


def half(z: Vectors, modality: str) -> Vectors:
    r"""The half of a vector that one modality shows: A z in the text, B z in the picture.

    A and B are the projections on the first and on the last k/2 coordinates, complementary and of rank k/2. For the
    isotropic :math:`z_c` any other complementary pair would give the same in law, and the features are rotated anyway.

    Args:
        z: Vectors, shape [n, k].
        modality: ``"textual"`` or ``"visual"``.

    Returns:
        The half, shape [n, k/2].
    """
    middle = z.shape[1] // 2
    return z[:, :middle] if modality == "textual" else z[:, middle:]


def draw_items(config: PlantedConfig) -> dict[str, Floats]:
    """The hidden vectors of all items by influence, each of shape [|I|, k]; every coordinate has mean 0 and variance 1.

    Those of the joint influence are signs, all others are normal. With signs the product of a coordinate of the text
    and one of the picture is a fair coin, whichever of the two is known: *nothing* follows from one alone. The product
    of two normal numbers would have mean 0 as well, but a spread that either of them tells: an item of which the text
    alone shows large coordinates would be more often among a user's best.
    """
    shape = (config.num_items, config.dim)
    items = {letter: config.stream(f"items {letter}").standard_normal(shape) for letter in "tvcr"}
    items["s"] = config.stream("items s").choice(np.array([-1.0, 1.0]), shape)
    return items


def draw_tastes(config: PlantedConfig) -> dict[str, Floats]:
    r"""The tastes :math:`\theta` of all users by influence, [|U|, k], and [|U|, k/2] for the joint one.

    A taste is a mix of a few styles, most of it usually one style, plus a part of the user's own. Without styles a
    joint taste could not be learned from anything: it is in no modality, and nobody would share it.
    """
    return {
        letter: _draw_tastes(config, letter, config.dim // 2 if letter == "s" else config.dim) for letter in "tvcsr"
    }


def _draw_tastes(config: PlantedConfig, letter: str, width: int) -> Floats:
    rng = config.stream(f"tastes {letter}")
    styles = rng.standard_normal((config.styles, width))
    mix = rng.dirichlet(np.full(config.styles, CONCENTRATION), size=config.num_users)
    own = rng.standard_normal((config.num_users, width))
    # A mix has the variance of the sum of its squared weights: divided out, a mixed user is as keen as others.
    mix /= np.sqrt(np.square(mix).sum(axis=1, keepdims=True))
    return np.sqrt(1 - config.own_taste) * (mix @ styles) + np.sqrt(config.own_taste) * own


def draw_features(config: PlantedConfig, items: Mapping[str, Floats], modality: str) -> NDArray[np.float32]:
    r"""What a modality shows of the items, float32, shape [|I|, 3k].

    .. math:: x^m = R^m [z_m;\, z_r;\, H_m z_c;\, H_m z_s] + \text{noise}

    with a random rotation :math:`R^m` and :math:`H_m` = A or B, see :func:`half`.
    """
    hidden = [items[UNIQUE[modality]], items["r"], half(items["c"], modality), half(items["s"], modality)]
    z = np.concatenate(hidden, axis=1)
    rng = config.stream(f"features {modality}")
    rotation, upper = np.linalg.qr(rng.standard_normal((z.shape[1], z.shape[1])))
    rotation *= np.sign(np.diag(upper))  # makes the factorisation unique, and the rotation uniform
    return (z @ rotation.T + config.feature_noise * rng.standard_normal(z.shape)).astype(np.float32)
