"""Data as the page holds it: named blocks of numbers or lines, deflated and in base64, decoded when asked for."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES = ("int8", "uint8", "uint16", "uint32", "float32")
"""Types of numbers that the page reads, each little-endian."""


@dataclass(frozen=True)
class Block:
    """A part of the page's data.

    Args:
        kind: One of :data:`DTYPES`, ``"lines"``, or ``"text"`` for text that is there as it is.
        text: What stands in the page: letters, digits and ``+/=`` alone, so that nothing of it can be markup.
    """

    kind: str
    text: str


def numbers(values: NDArray[Any]) -> Block:
    """An array of any shape, row by row.

    Raises:
        ValueError: If its type is none of :data:`DTYPES`.
    """
    if values.dtype.name not in DTYPES:
        raise ValueError(f"numbers of type {values.dtype} have no block; choose one of {', '.join(DTYPES)}")
    return Block(values.dtype.name, _deflated(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()))


def lines(texts: Sequence[str]) -> Block:
    """Texts, none of which holds a line break."""
    return Block("lines", _deflated("".join(f"{text}\n" for text in texts).encode()))


def ids(values: NDArray[Any], count: int) -> Block:
    """Numbers from 0 to below ``count``, in the smallest type that holds them."""
    return numbers(values.astype(np.min_scalar_type(max(count - 1, 1 << 8))))


def rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Floating-point numbers to 12 binary digits (3 decimal ones and a half), which deflates to half the size."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + np.uint32(1 << 11)) & np.uint32(0xFFFFF000)).view(np.float32)


def _deflated(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content)).decode()
