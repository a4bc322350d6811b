"""Written titles and descriptions of the garments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from brmrs_graph.data.boutique import wording


@dataclass(frozen=True)
class Description:
    """What a shop writes about a garment.

    Attributes:
        title: One line.
        text: A few sentences.
    """

    title: str
    text: str


EMPTY = Description("", "")


def write_description(values: Mapping[str, str], rng: np.random.Generator) -> Description:
    """Describe a garment in words.

    The description always tells kind, cut, material, occasion and care, in varied words and order; the title
    always tells the kind. Neither ever tells the colour or the pattern: only the attributes named here are
    read.

    Args:
        values: The garment's attributes by name.
        rng: Source of the wording.
    """
    words = {
        "brand": _pick(wording.BRANDS, rng),
        "kind": _pick(wording.KINDS[values["kind"]], rng),
        "cut": _pick(wording.cuts(values["kind"], values["cut"]), rng),
        "material": _pick(wording.MATERIALS[values["material"]], rng),
        "praise": _pick(wording.PRAISE, rng),
    }
    is_are = "are" if values["kind"] in wording.PLURALS else "is"
    words |= {
        "be": is_are,
        "this": "these" if is_are == "are" else "this",
        "it": "they" if is_are == "are" else "it",
    }
    words["short_occasion"] = _pick(wording.OCCASION_LABELS[values["occasion"]], rng)

    title = _pick(wording.TITLES, rng).format_map(words)
    opening = _pick(wording.OPENINGS, rng)
    rest = [
        _pick(wording.OCCASIONS[values["occasion"]], rng),
        _pick(wording.CARE[values["care"]], rng),
        *rng.choice(wording.FILLERS, size=int(rng.integers(3)), replace=False),
    ]
    sentences = [opening, *(rest[i] for i in rng.permutation(len(rest)))]
    text = " ".join(_sentence(sentence.format_map(words)) for sentence in sentences)
    return Description(title=_sentence(title), text=text)


def write_filler(rng: np.random.Generator) -> Description:
    """Marketing that says nothing about the garment: neither what it is nor for what or of what.

    Args:
        rng: Source of the wording.
    """
    sentences = rng.choice(wording.FILLERS, size=int(rng.integers(3, 6)), replace=False)
    return Description(title=_pick(wording.FILLER_TITLES, rng), text=" ".join(str(sentence) for sentence in sentences))


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _sentence(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]
