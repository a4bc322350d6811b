"""Pictures to vectors without a network: which colours there are, and which way the edges run, and where."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from brmrs_graph.data.encoders.base import FloatArray, Progress, joint_sha256
from brmrs_graph.data.encoders.image import load_picture

_VERSION = "colors-1"
_SIDE = 96  # pixels; a multiple of the grid
_HUES, _SATURATIONS, _VALUES, _GREYS = 12, 3, 3, 8
_GREY = 0.1  # least difference between the largest and the smallest of red, green and blue at which a hue is seen
_GRID, _DIRECTIONS = 6, 8


class ColorEncoder:
    """Colour and edge statistics of pictures.

    The picture is scaled to a square. Its colours are counted in bins of hue, saturation and value, and greys, whose
    hue means nothing, in bins of their own. Its edges, the gradients of the brightness, are added up by direction,
    without sign, in each field of a grid, as in HOG (Dalal and Triggs 2005). Each of the two histograms is scaled to
    the sum 1, and its square root taken, after which a dot product is the Bhattacharyya coefficient.
    """

    name = "colors"
    dim = _HUES * _SATURATIONS * _VALUES + _GREYS + _GRID**2 * _DIRECTIONS

    def fingerprint(self) -> str:
        """Identify the function; see ``Encoder.fingerprint``."""
        return joint_sha256(_VERSION)

    def encode(self, inputs: Sequence[Path], progress: Progress | None = None) -> FloatArray:
        """Encode picture files.

        Args:
            inputs: ``n`` picture files.
            progress: Told after each picture.

        Returns:
            Vectors of shape ``[n, dim]``, of unit length.

        Raises:
            DataError: If a picture cannot be read.
        """
        vectors = np.empty((len(inputs), self.dim), dtype=np.float32)
        for row, path in enumerate(inputs):
            picture = load_picture(path).resize((_SIDE, _SIDE), Image.Resampling.BOX)
            vector = np.concatenate([_colors(picture), _edges(picture)])
            vectors[row] = vector / np.linalg.norm(vector)  # a picture of one colour has no edges
            if progress is not None:
                progress(1)
        return vectors


def _colors(picture: Image.Image) -> NDArray[np.float64]:
    hue, saturation, value = (np.asarray(picture.convert("HSV"), dtype=np.int64).reshape(-1, 3)).T
    place = (hue * _HUES // 256 * _SATURATIONS + saturation * _SATURATIONS // 256) * _VALUES + value * _VALUES // 256
    grey = saturation * value < _GREY * 255**2
    place = np.where(grey, _HUES * _SATURATIONS * _VALUES + value * _GREYS // 256, place)
    counts = np.bincount(place, minlength=_HUES * _SATURATIONS * _VALUES + _GREYS)
    return np.sqrt(counts / counts.sum())


def _edges(picture: Image.Image) -> NDArray[np.float64]:
    down, right = np.gradient(np.asarray(picture.convert("L"), dtype=np.float64))
    strength = np.hypot(down, right).ravel()
    angle = (np.arctan2(down, right).ravel() / np.pi % 1) * _DIRECTIONS  # opposite directions are one
    before = np.floor(angle).astype(np.int64)
    share = angle - before  # between two directions, an edge counts for both
    field = np.arange(_SIDE) * _GRID // _SIDE
    first = (field[:, None] * _GRID + field).ravel() * _DIRECTIONS
    sums = sum(
        np.bincount(first + (before + step) % _DIRECTIONS, strength * weight, _GRID**2 * _DIRECTIONS)
        for step, weight in ((0, 1 - share), (1, share))
    )
    return np.sqrt(sums / max(float(np.sum(sums)), 1e-12))
