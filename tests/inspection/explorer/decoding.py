"""Reads the blocks of a page back, without the code that made them."""

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brmrs_graph.inspection.explorer.blocks import Block


def numbers_of(block: Block) -> NDArray[Any]:
    return np.frombuffer(zlib.decompress(base64.b64decode(block.text)), dtype=np.dtype(block.kind).newbyteorder("<"))


def lines_of(block: Block) -> list[str]:
    *texts, last = zlib.decompress(base64.b64decode(block.text)).decode().split("\n")
    assert not last
    return texts


def rows_of(degree: Block, items: Block) -> list[list[int]]:
    """Rows of different lengths: the items of each."""
    ends = np.cumsum(numbers_of(degree))
    return [part.tolist() for part in np.split(numbers_of(items), ends[:-1])]
