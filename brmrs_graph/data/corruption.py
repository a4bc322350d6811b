"""Makes the content of some items wrong on purpose, to see how a recommender takes it.

A share of the items' texts or pictures is exchanged, taken away or replaced by filler. The items that are hit by a
small share are among those that are hit by a larger one, so that a curve over growing shares has no jumps from a new
draw of items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from brmrs_graph.data.dataset import MultimodalDataset
from brmrs_graph.data.encoders import Encoder, text_encoder
from brmrs_graph.errors import ConfigError, DataError

KINDS: Mapping[str, str] = {
    "swapped": "exchanged among the items",
    "blanked": "taken away",
    "filler": "replaced by a few vectors that have nothing to do with any item",
    "marketing": "replaced by a few marketing sentences",
}
"""Kind of corruption -> what happens to the content."""

MARKETING = (
    "Our customers keep coming back for more.",
    "The one everybody talks about, loved by the press and by our community.",
    "Limited stock, so order soon and treat yourself or someone you love.",
    "Quality that you can feel from the first moment.",
    "Free returns within thirty days and shipping in recycled packaging.",
)
"""Sentences that fit any item and tell nothing about it."""

NUM_FILLERS = 5
SAME_ENCODER = 0.95  # cosine of a text's vector with its feature row, above which they count as the same encoder's
T = TypeVar("T")


@dataclass(frozen=True)
class Corruption:
    """What is corrupted, how, and how much of it.

    Args:
        modality: Name of the modality.
        kind: One of :data:`KINDS`.
        share: Share of the items that have this modality, between 0 and 1.
        seed: Chooses the items.

    Raises:
        ConfigError: If kind or share are out of range.
    """

    modality: str
    kind: str
    share: float
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks kind and share."""
        if self.kind not in KINDS:
            raise ConfigError(f"corruption '{self.kind}' is unknown; choose one of {', '.join(KINDS)}")
        if not 0 <= self.share <= 1:
            raise ConfigError(f"the share to be corrupted is {self.share}; it must lie between 0 and 1")

    @classmethod
    def parse(cls, text: str) -> Corruption:
        """Reads ``MODALITY:KIND:SHARE``, such as ``textual:swapped:0.4``.

        Raises:
            ConfigError: If it has another form, or kind or share are out of range.
        """
        try:
            modality, kind, share = text.rsplit(":", 2)
            value = float(share)
        except ValueError:
            raise ConfigError(f"corrupt is '{text}'; write MODALITY:KIND:SHARE, such as textual:swapped:0.4") from None
        return cls(modality, kind, value)

    def __str__(self) -> str:
        return f"{self.modality}:{self.kind}:{self.share:g}"

    def apply(self, data: MultimodalDataset, encoder: str | Encoder[str] = "minilm") -> MultimodalDataset:
        """The data set with this corruption.

        Args:
            data: The data set.
            encoder: Name of the text encoder, or the encoder, that the features come from; for ``marketing`` only.

        Raises:
            ConfigError: If the share is too small to hit an item.
            DataError: If the modality is not there, or marketing sentences cannot be encoded for it.
        """
        filler = None
        if self.kind == "marketing" and self.share:
            data.require([self.modality])
            filler = marketing_filler(data, self.modality, encoder)
        return corrupt(data, self.modality, self.share, self.kind, seed=self.seed, filler=filler)


def corrupt(
    data: MultimodalDataset, modality: str, share: float, kind: str, *, seed: int = 0, filler: Tensor | None = None
) -> MultimodalDataset:
    """Corrupts the content of a share of the items in one modality.

    * ``swapped``: the chosen items pass their content on in a circle, so that each carries another one's;
    * ``blanked``: the chosen items lack the modality, as if it had never been there;
    * ``filler``, ``marketing``: the chosen items carry one of a few vectors, see :func:`unrelated_filler` and
      :func:`marketing_filler`.

    The items are the first of one random order of those that have the modality, which depends on ``seed`` and the
    modality's name alone: growing shares are nested, all kinds hit the same items, and two modalities are hit
    independently. Texts and pictures, where the data set has them, follow their features.

    Args:
        data: The data set; it is not changed.
        modality: Name of the modality.
        share: Share of the items that have this modality, between 0 and 1; 0 gives the data set as it is.
        kind: One of :data:`KINDS`.
        seed: Chooses the items.
        filler: The vectors for ``filler`` and ``marketing``, shape [n, d] (default: :func:`unrelated_filler` and
            :func:`marketing_filler`).

    Returns:
        A data set with other features and missing mask for this modality, a note, and thereby another content hash.

    Raises:
        ConfigError: If kind or share are out of range, or the share hits no item (for ``swapped``: fewer than two).
        DataError: If the modality is not there, or the filler vectors do not fit its features.
    """
    Corruption(modality, kind, share, seed)  # checks the values
    data.require([modality])
    if share == 0:
        return data
    x, missing = data.features[modality].clone(), data.missing[modality].clone()
    present = np.flatnonzero(~missing.numpy())
    # The order depends on the modality's name, so that corrupting two modalities does not hit the same items.
    chosen = _rng(seed, modality).permutation(present)[: round(share * len(present))]
    if len(chosen) < (2 if kind == "swapped" else 1):
        raise ConfigError(
            f"a share of {share:g} is {len(chosen)} of the {len(present):,} items with {modality} content, too few to "
            f"be {kind}; give a larger one"
        )
    rows = torch.from_numpy(chosen)
    givers = np.roll(chosen, -1)  # who passes content on; only the last one's giver changes when the share grows
    if kind == "swapped":
        x[rows] = data.features[modality][torch.from_numpy(givers)]
    elif kind == "blanked":
        x[rows], missing[rows] = 0, True
    else:
        if filler is None and kind == "marketing":
            filler = marketing_filler(data, modality)
        elif filler is None:
            filler = unrelated_filler(x[torch.from_numpy(present)], seed=seed)
        _check_filler(filler, x, modality)
        x[rows] = filler.to(x.dtype)[torch.arange(len(chosen)) % len(filler)]
    return replace(
        data,
        features={**data.features, modality: x},
        missing={**data.missing, modality: missing},
        texts=_follow(data.texts, chosen, givers, kind, "") if modality == "textual" else data.texts,
        pictures=_follow(data.pictures, chosen, givers, kind, None) if modality == "visual" else data.pictures,
        notes=(
            *data.notes,
            f"{modality} content of {len(chosen):,} of {len(present):,} items was corrupted on purpose: {KINDS[kind]}",
        ),
    )


def unrelated_filler(x: Tensor, n: int = NUM_FILLERS, *, seed: int = 0) -> Tensor:
    """Vectors that stand for content which fits any item, where the real thing cannot be encoded.

    Random directions with the columns' deviations but without the columns' means, in the typical length of a row.
    What such content looks like was measured on the built-in catalogue with all-MiniLM-L6-v2: the cosine with the
    centroid is 0.60 on average for true descriptions, and 0.02 to 0.22 for marketing sentences; these
    have about 0. A mean of items, near 1, would be the opposite.

    Args:
        x: Features of the items that have the modality, shape [N, d].
        n: How many.
        seed: Seed of the directions.

    Returns:
        Shape [n, d].
    """
    noise = torch.from_numpy(_rng(seed, "filler").normal(size=(n, x.size(1)))).to(x.dtype)
    deviation = x.std(dim=0, correction=0).clamp(min=1e-6)
    return F.normalize(noise * deviation, dim=1) * x.norm(dim=1).mean()


def marketing_filler(data: MultimodalDataset, modality: str, encoder: str | Encoder[str] = "minilm") -> Tensor:
    """The vectors of :data:`MARKETING`, by the encoder that the features come from.

    Args:
        data: A data set with texts.
        modality: The modality that holds their features.
        encoder: Name of the text encoder, or the encoder.

    Returns:
        Shape [5, d].

    Raises:
        DataError: If there are no texts, the encoder is not installed, or the features are not this encoder's, which
            is found out by encoding one item's text again.
    """
    remedy = f"use the kind 'filler' for {modality}, which needs neither texts nor an encoder"
    first = next((i for i, text in enumerate(data.texts or ()) if text and not data.missing[modality][i]), None)
    if data.texts is None or first is None:
        raise DataError(f"marketing sentences need texts, and data set '{data.name}' has none; {remedy}")
    used = text_encoder(encoder) if isinstance(encoder, str) else encoder
    vectors = torch.from_numpy(used.encode([*MARKETING, data.texts[first]]))
    row = data.features[modality][first]
    if vectors.size(1) != row.numel() or float(F.cosine_similarity(vectors[-1], row, dim=0)) < SAME_ENCODER:
        raise DataError(
            f"the {modality} features of '{data.name}' were not made from its texts by the encoder '{used.name}', so "
            f"its marketing sentences would not fit; {remedy}"
        )
    return vectors[:-1]


def _rng(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, *name.encode()])


def _check_filler(filler: Tensor, x: Tensor, modality: str) -> None:
    if filler.dim() != 2 or len(filler) == 0 or filler.size(1) != x.size(1) or not bool(filler.any(dim=1).all()):
        raise DataError(
            f"the filler has shape {tuple(filler.shape)}, but the {modality} features have {x.size(1)} columns; give "
            "at least one row of that width, and none that is all zero (that would be 'blanked')"
        )


def _follow(
    content: Sequence[T] | None, chosen: NDArray[np.int64], givers: NDArray[np.int64], kind: str, nothing: T
) -> Sequence[T] | None:
    """Texts or pictures as the features have them now; filler has none that could be shown."""
    if content is None:
        return None
    changed = list(content)
    for item, giver in zip(chosen, givers, strict=True):
        changed[item] = content[giver] if kind == "swapped" else nothing
    return changed


__all__ = ["KINDS", "MARKETING", "Corruption", "corrupt", "marketing_filler", "unrelated_filler"]
