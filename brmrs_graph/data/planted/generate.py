"""The planted data set: who likes what, which influence decides it, and the truth behind both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brmrs_graph.data.dataset import Encoding, MultimodalDataset, csr_from_pairs
from brmrs_graph.data.planted.config import TYPES, PlantedConfig
from brmrs_graph.data.planted.latents import UNIQUE, Floats, draw_features, draw_items, draw_tastes, half
from brmrs_graph.data.splits import TEST, TRAIN, VALID, split_labels


@dataclass(frozen=True)
class Planted:
    r"""A planted data set with the truth about it.

    The preference of user u for item i is :math:`\sum_m \gamma_m \tau_m(u, i)` plus noise, over the influences m in t,
    v, c, s, r. Every term :math:`\tau_m` is a dot product of a vector of the user and one of the item. It has mean 0
    over the items of each user (a constant changes no ranking) and variance 1 over all user-item pairs.

    Args:
        config: What it was made from.
        data: The data set.
        types: The influence that dominates each test pair, as its letter, in the order of ``data.test`` (rows, then
            ascending columns): the m of the largest :math:`\gamma_m \tau_m(u, i)`. In a sum of terms with mean 0 this
            is how far m lifts the item above the user's average item (m's Shapley value). An influence with
            :math:`\gamma_m = 0` dominates nothing, and the noise is none.
        users: Influence -> vectors of the users, float64, shape [|U|, d_m], before the weighting by gamma.
        items: Influence -> vectors of the items, float64, shape [|I|, d_m], d_m = k, or k/2 for the joint one.
        shown: Modality -> what it shows of the joint influence (A z_s or B z_s): signs, float64, shape [|I|, k/2].
            The items' vector of this influence is their product, less its mean over the items.
    """

    config: PlantedConfig
    data: MultimodalDataset
    types: tuple[str, ...]
    users: Mapping[str, Tensor]
    items: Mapping[str, Tensor]
    shown: Mapping[str, Tensor]

    def terms(self, users: Tensor, items: Tensor) -> dict[str, Tensor]:
        r"""The terms :math:`\tau_m` of pairs, before they are weighted.

        Args:
            users: User ids, int64, any shape.
            items: Item ids, int64, a shape that broadcasts with that of the users.

        Returns:
            Influence -> values, float64, in the common shape of the ids.
        """
        return {letter: (self.users[letter][users] * self.items[letter][items]).sum(-1) for letter in TYPES}

    def tables(self) -> dict[str, tuple[Tensor, Tensor]]:
        r"""The true scores as vectors of users and items, in the form of a model's.

        :class:`~brmrs_graph.branches.Branches` made of them are a model that knows the truth: whatever is measured of
        models can be measured of it. The score of a modality is all of the preference that it shows by itself: its
        unique term, the redundant one and its half of the complementary one, each times gamma. ``"fused"`` is the
        whole preference without noise. It is *not* the sum of the two: the redundant term counts once, and the joint
        one is in neither.

        Returns:
            Modality, and ``"fused"`` -> (users, items), float32, shapes [|U|, d] and [|I|, d]; dot products of their
            rows are the scores.
        """
        gamma = asdict(self.config.gamma)
        weighted = {letter: gamma[letter] * x for letter, x in self.users.items()}

        def seen(side: Mapping[str, Tensor], modality: str) -> Tensor:
            return torch.cat([side[UNIQUE[modality]], side["r"], half(side["c"], modality)], dim=1).float()

        tables = {modality: (seen(weighted, modality), seen(self.items, modality)) for modality in UNIQUE}
        whole = (torch.cat([side[letter] for letter in TYPES], dim=1).float() for side in (weighted, self.items))
        return tables | {"fused": (next(whole), next(whole))}


def generate_planted(config: PlantedConfig | None = None, *, block: int = 256) -> Planted:
    """Generates the planted data set; the same configuration always gives the same one.

    Args:
        config: Strengths, sizes, noise and seed (default: the defaults).
        block: Users whose preferences for all items are held at once; changes memory and nothing else.
    """
    config = config or PlantedConfig()
    hidden, tastes = draw_items(config), draw_tastes(config)
    shown = {modality: half(hidden["s"], modality) for modality in UNIQUE}
    vectors = hidden | {"s": shown["textual"] * shown["visual"]}
    users, items = {}, {}
    for letter in TYPES:
        users[letter], items[letter] = _standardized(tastes[letter], vectors[letter])

    pair_items = _best_items(config, users, items, block).reshape(-1)
    pair_users = np.repeat(np.arange(config.num_users), config.positives)
    split = split_labels(pair_users, config.stream("split"))
    shape = (config.num_users, config.num_items)
    train, valid, test = (
        csr_from_pairs(pair_users[split == label], pair_items[split == label], shape) for label in (TRAIN, VALID, TEST)
    )
    features = {modality: torch.from_numpy(draw_features(config, hidden, modality)) for modality in UNIQUE}
    data = MultimodalDataset(
        "planted",
        train=train,
        valid=valid,
        test=test,
        features=features,
        missing={modality: torch.zeros(config.num_items, dtype=torch.bool) for modality in UNIQUE},
        # Products of matrices, whose last bits differ from one kind of processor to another.
        encodings={modality: Encoding(x, config.fingerprint()) for modality, x in features.items()},
        user_ids=[str(user) for user in range(config.num_users)],
        item_ids=[str(item) for item in range(config.num_items)],
        synthetic=True,
        notes=(f"planted influences: gamma {config.gamma}",),
    )
    truth = {
        name: {key: torch.from_numpy(np.ascontiguousarray(x)) for key, x in arrays.items()}
        for name, arrays in (("users", users), ("items", items), ("shown", shown))
    }
    return Planted(config, data, _dominant(config, users, items, *test.nonzero()), **truth)


def _standardized(users: Floats, items: Floats) -> tuple[Floats, Floats]:
    """Vectors whose dot products have mean 0 over the items of each user, and variance 1 over all pairs.

    The mean square over all pairs follows from the two Gram matrices; no array of all pairs is needed.
    """
    items = items - items.mean(axis=0)
    scale = np.sqrt(((users.T @ users) * (items.T @ items)).sum() / (len(users) * len(items)))
    return (users / scale if scale > 0 else users), items


def _best_items(
    config: PlantedConfig, users: Mapping[str, Floats], items: Mapping[str, Floats], block: int
) -> NDArray[np.int64]:
    """The items of the highest noisy preference of every user, shape [|U|, positives], ascending."""
    gamma = asdict(config.gamma)
    left = np.concatenate([gamma[letter] * x for letter, x in users.items()], axis=1)
    right = np.concatenate([items[letter] for letter in users], axis=1).T
    rng = config.stream("noise")
    best = []
    for start in range(0, config.num_users, block):
        # Noise comes row by row from one stream, and rounding in float64 is far below the gaps between preferences:
        # what is best depends neither on the size of the blocks nor on the number of threads.
        preference = left[start : start + block] @ right
        preference += config.noise * rng.standard_normal(preference.shape)
        order = np.argpartition(preference, -config.positives, axis=1)
        # Its order differs from one kind of processor to another, and they are split by their places.
        best.append(np.sort(order[:, -config.positives :], axis=1))
    return np.concatenate(best)


def _dominant(
    config: PlantedConfig,
    users: Mapping[str, Floats],
    items: Mapping[str, Floats],
    pair_users: NDArray[np.integer],
    pair_items: NDArray[np.integer],
) -> tuple[str, ...]:
    # Without those of strength 0: their 0 would be the largest where noise let a pair in whose terms are all negative.
    gamma = {letter: value for letter, value in asdict(config.gamma).items() if value > 0}
    contributions = [
        value * np.einsum("nd,nd->n", users[letter][pair_users], items[letter][pair_items])
        for letter, value in gamma.items()
    ]
    letters = list(gamma)
    return tuple(letters[m] for m in np.argmax(contributions, axis=0))
