"""What the planted data set is made from: the strength of each influence, sizes and noise."""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np

from brmrs_graph.errors import ConfigError

TYPES: Mapping[str, str] = {
    "t": "unique to the text",
    "v": "unique to the picture",
    "c": "complementary: half in each, added up",
    "s": "joint: an interaction of the two",
    "r": "redundant: in both",
}
"""The influences by their letter, as in ``--gamma t=1,v=1,c=1,s=1,r=1``."""

GENERATOR = 1
"""Version of the generator. Whoever changes which features a configuration gives raises it, or their hash stays."""


@dataclass(frozen=True)
class Gamma:
    """How strongly each influence drives preferences; every term has unit variance before it is weighted.

    Args:
        t: Unique to the text.
        v: Unique to the picture.
        c: Complementary: half in each, added up.
        s: Joint: an interaction of text and picture, in neither of them alone.
        r: Redundant: in both.

    Raises:
        ConfigError: If one is negative or no number, or all are 0.
    """

    t: float = 1.0
    v: float = 1.0
    c: float = 1.0
    s: float = 1.0
    r: float = 1.0

    def __post_init__(self) -> None:
        """Checks the ranges."""
        for letter, value in asdict(self).items():
            if not math.isfinite(value) or value < 0:
                raise ConfigError(f"gamma {letter}={value:g} cannot be; give a number of at least 0")
        if not any(asdict(self).values()):
            raise ConfigError("gamma is 0 for every influence, so that nothing drives preferences; give one above 0")

    @classmethod
    def parse(cls, text: str) -> Gamma:
        """Reads ``"t=1,s=2"``; what is not named keeps its default.

        Raises:
            ConfigError: If a letter is unknown or named twice, or a value is no number of at least 0.
        """
        letters = [field.name for field in fields(cls)]
        values: dict[str, float] = {}
        for item in text.split(","):
            letter, equals, number = (part.strip() for part in item.partition("="))
            if not equals or letter not in letters or letter in values:
                what = "names it twice" if letter in values else f"has no influence '{letter}'" if equals else "needs ="
                raise ConfigError(
                    f"gamma '{text}' {what}: write items such as t=1 with commas between, each letter of "
                    f"{', '.join(letters)} at most once"
                )
            try:
                values[letter] = float(number)
            except ValueError:
                raise ConfigError(f"gamma {letter}={number} cannot be; give a number of at least 0") from None
        return cls(**values)

    def __str__(self) -> str:
        return ",".join(f"{letter}={float(value)!r}".removesuffix(".0") for letter, value in asdict(self).items())


@dataclass(frozen=True)
class PlantedConfig:
    """Options of the planted data set."""

    num_users: int = 5000
    """Users."""
    num_items: int = 10000
    """Items."""
    dim: int = 50
    """Dimensions k of each latent vector; even, since two influences are halved between the modalities."""
    gamma: Gamma = Gamma()
    """Strength of each influence: t and v unique to text and picture, c complementary, s joint, r redundant."""
    positives: int = 20
    """Items that each user interacts with: those of the highest noisy preference."""
    styles: int = 8
    """Tastes of which every user is a mix, drawn for each influence apart."""
    own_taste: float = 0.2
    """Share of the variance of a user's tastes that is the user's own, shared with nobody."""
    noise: float = 1.0
    """Standard deviation of the noise of a preference; a term with gamma 1 has 1."""
    feature_noise: float = 0.1
    """Standard deviation of the noise of features; every latent dimension has 1."""
    seed: int = 2024
    """Seed of the data, which is not that of the run: runs with several seeds see the same data."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        for name, least in (("num_users", 1), ("dim", 2), ("styles", 1), ("seed", 0)):
            if (value := getattr(self, name)) < least:
                raise ConfigError(f"planted.{name} is {value}; it must be at least {least}")
        if self.dim % 2:
            raise ConfigError(f"planted.dim is {self.dim}; it must be even, a half for each modality")
        if not 3 <= self.positives < self.num_items:
            raise ConfigError(
                f"planted.positives is {self.positives}; it must be at least 3, so that they can be split, and below "
                f"planted.num_items ({self.num_items}), so that there are negatives"
            )
        if not 0 <= self.own_taste <= 1:
            raise ConfigError(f"planted.own_taste is {self.own_taste}; it is a share between 0 and 1")
        for name in ("noise", "feature_noise"):
            if not math.isfinite(value := getattr(self, name)) or value < 0:
                raise ConfigError(f"planted.{name} is {value}; it must be a number of at least 0")

    def stream(self, part: str) -> np.random.Generator:
        """A random stream of one part alone: another gamma, for instance, leaves items, tastes and noise as they are.

        Args:
            part: Name of the part.
        """
        return np.random.default_rng((self.seed, zlib.crc32(part.encode())))

    def fingerprint(self) -> str:
        """SHA-256 of the options and of the version of the generator: of all that the features follow from."""
        options = ((field.name, str(getattr(self, field.name)).removesuffix(".0")) for field in fields(self))
        return hashlib.sha256(repr((GENERATOR, *options)).encode()).hexdigest()
