"""Reads the estimates of a diagnosis and writes them as people do: "23.4 % [20.1, 25.9]"."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from brmrs_graph.evaluation import Estimate

Json = Mapping[str, Any]
"""A part of a diagnosis, as it is in ``diagnosis.json``."""

NOT_MEASURED = "not measured"
"""What stands where there is no number; never 0."""


def measured(part: Json | None, *path: str) -> Estimate | None:
    """The estimate at a path of a diagnosis, None where it or anything on the way is missing or null.

    Args:
        part: Where the path starts.
        path: Keys.

    Returns:
        The estimate. Ends of the interval that are null are NaN.
    """
    for key in path:
        part = None if part is None else part.get(key)
    if part is None or part.get("value") is None or not math.isfinite(part["value"]):
        return None
    low, high = (math.nan if part.get(end) is None else float(part[end]) for end in ("low", "high"))
    return Estimate(float(part["value"]), low, high, int(part.get("count") or 0))


def modalities(diagnosis: Json) -> list[str]:
    """The modalities of all models, each once, in order."""
    return list(dict.fromkeys(name for model in diagnosis["models"] for name in model["modalities"]))


def entry_of(model: Json, part: str, **keys: str) -> Json | None:
    """The entry of a list in which keys have given values, None where there is none.

    Args:
        model: A model of the diagnosis.
        part: The list, such as ``"complementarity"``.
        keys: Key -> value, such as ``confused="visual", right="textual"``.
    """
    entries = (entry for entry in model.get(part) or () if all(entry[key] == value for key, value in keys.items()))
    return next(entries, None)


@dataclass(frozen=True)
class Unit:
    """How a quantity is written.

    Args:
        scale: What its value is multiplied by.
        decimals: Decimals, one more for values below 1 where ``finer``.
        suffix: What follows the number.
        finer: Whether small values get one more decimal.
    """

    scale: float
    decimals: int
    suffix: str = ""
    finer: bool = False

    def number(self, x: float, *, signed: bool = False, like: float | None = None) -> str:
        """The bare number, with a true minus sign.

        Args:
            x: A value, before scaling.
            signed: Whether positive numbers get a sign as well.
            like: The value whose number of decimals to take (default: ``x`` itself).
        """
        magnitude = abs(x if like is None else like) * self.scale
        decimals = self.decimals + (self.finer and magnitude < 1)
        text = f"{x * self.scale:+.{decimals}f}" if signed else f"{x * self.scale:.{decimals}f}"
        if not any(digit in text for digit in "123456789"):
            text = text.lstrip("+-")
        return text.replace("-", "\u2212")

    def value(self, x: float, *, signed: bool = False) -> str:
        """The number with its unit."""
        return self.number(x, signed=signed) + self.suffix

    def interval(self, x: Estimate, *, signed: bool = False) -> str:
        """The interval in brackets, without unit; empty where there is none."""
        if math.isnan(x.low) or math.isnan(x.high):
            return ""
        low, high = (self.number(end, signed=signed, like=x.value) for end in (x.low, x.high))
        return f"[{low}, {high}]"

    def text(self, x: Estimate | None, *, signed: bool = False) -> str:
        """Number, unit and interval, or "not measured"."""
        if x is None:
            return NOT_MEASURED
        return f"{self.value(x.value, signed=signed)} {self.interval(x, signed=signed)}".rstrip()


PERCENT = Unit(100, 1, "\u00a0%", finer=True)
POINTS = Unit(100, 1, " points", finer=True)
METRIC = Unit(1, 4)
BITS = Unit(1, 3, " bits")
RATIO = Unit(1, 2)


def sign(difference: Estimate) -> int:
    """1 or -1 where the interval of a difference lies above or below 0, else 0: not distinguishable from 0."""
    return 1 if difference.low > 0 else -1 if difference.high < 0 else 0


def order(a: Estimate, b: Estimate) -> int:
    """1 or -1 where the interval of ``a`` lies wholly above or below that of ``b``, else 0: they overlap.

    Intervals of two quantities that do not overlap mean that these differ; ones that do overlap leave it open.
    """
    return 1 if a.low > b.high else -1 if a.high < b.low else 0
