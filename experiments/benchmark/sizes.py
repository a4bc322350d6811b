"""Sizes by name, and interactions of a size: real ones where they are there, else generated ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from brmrs_graph.data import MultimodalDataset, csr_from_pairs
from experiments.catalog import is_there, load

EXPONENT = 0.75
"""How fast the weight of a user or an item falls with its rank r: as (r + 10)^-0.75."""


DIRECTIONS = 16
"""Directions in which features vary most."""

NOISE = 0.5
"""Standard deviation of features in every direction."""


@dataclass(frozen=True)
class Size:
    """How much there is of a data set.

    Args:
        name: What it is called.
        users: |U|.
        items: |I|.
        pairs: Training interactions.
        real: Whether there is a real data set of that size and name.
    """

    name: str
    users: int
    items: int
    pairs: int
    real: bool = False


SIZES: dict[str, Size] = {
    size.name: size
    for size in (
        Size("baby", 19_445, 7_050, 118_551, real=True),
        Size("clothing", 39_387, 23_033, 197_338, real=True),
        Size("100k", 100_000, 50_000, 2_000_000),
        Size("300k", 300_000, 150_000, 6_000_000),
        Size("1m", 1_000_000, 500_000, 20_000_000),
    )
}
"""All sizes by name."""


def data_of(size: Size, data_root: Path | None, dims: Mapping[str, int]) -> tuple[MultimodalDataset, str]:
    """A data set of a size with random features.

    Args:
        size: The size.
        data_root: Where a real data set of that name may lie; without it the interactions are generated.
        dims: Modality -> dimensions of its features.

    Returns:
        The data set, and whether its interactions are real, in words.
    """
    if size.real and data_root is not None and is_there(data_root / size.name):
        data, source = load(size.name, data_root, features=False), f"Amazon {size.name.title()}, real interactions"
    else:
        data = random_interactions(size)
        source = f"random interactions, as many as {size.name} has" if size.real else "random"
    return replace(data, features=random_features(data.num_items, dims)), source


def random_features(num_items: int, dims: Mapping[str, int]) -> dict[str, Tensor]:
    """Random features that vary in few directions, as those of encoders do, and in all others by noise.

    Items have neighbours then that are nearer than chance, which a search for them may use.

    Args:
        num_items: Rows.
        dims: Modality -> dimensions of its features.
    """
    rng = np.random.default_rng(1)
    features = {}
    for modality, dim in dims.items():
        x = NOISE * rng.standard_normal((num_items, dim), dtype=np.float32)
        directions = rng.standard_normal((DIRECTIONS, dim), dtype=np.float32)
        x += rng.standard_normal((num_items, DIRECTIONS), dtype=np.float32) @ directions
        features[modality] = torch.from_numpy(x)
    return features


def random_interactions(size: Size, seed: int = 0) -> MultimodalDataset:
    """Random interactions whose degrees follow power laws, for users and for items.

    Every user has a training pair. One further pair a user is held out, the same for validation and test, and left out
    where it is a training pair. The same size and seed give the same interactions.

    Raises:
        ValueError: If there are fewer pairs than users, or more than half of all that there could be.
    """
    if not size.users <= size.pairs <= size.users * size.items // 2:
        raise ValueError(f"{size.pairs} pairs of {size.users} users and {size.items} items cannot be generated")
    rng = np.random.default_rng(seed)
    user_weights, item_weights = _falling(size.users, rng), _falling(size.items, rng)
    everyone = np.arange(size.users)
    held_out = everyone * size.items + _draw(item_weights, size.users, rng)
    first = keys = everyone * size.items + _draw(item_weights, size.users, rng)
    while (lacking := size.pairs - keys.size) > 0:
        more = lacking + lacking // 10 + 10  # some are there already
        drawn = _draw(user_weights, more, rng) * size.items + _draw(item_weights, more, rng)
        keys = np.union1d(keys, drawn)
    others = np.setdiff1d(keys, first, assume_unique=True)
    surplus = keys.size - size.pairs
    keys = np.concatenate([first, rng.permutation(others)[surplus:]])
    held_out = np.setdiff1d(held_out, keys, assume_unique=True)
    train, valid = (_matrix(part, size) for part in (keys, held_out))
    return MultimodalDataset("random", train, valid, valid, synthetic=True)


def _falling(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Cumulative weights of n ids, the ranks in random order, ending at 1."""
    weights = (rng.permutation(n) + 10.0) ** -EXPONENT
    cumulative: NDArray[np.float64] = np.cumsum(weights)
    return cumulative / cumulative[-1]


def _draw(cumulative: NDArray[np.float64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.searchsorted(cumulative, rng.random(n), side="right")


def _matrix(keys: NDArray[np.int64], size: Size) -> sp.csr_matrix:
    return csr_from_pairs(keys // size.items, keys % size.items, (size.users, size.items))
