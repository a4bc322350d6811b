"""Polygons and curves that the silhouettes are drawn of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""Corners of a polygon or a line, shape ``(n, 2)``."""

Pairs = Sequence[tuple[float, float]]


def mirrored(right: Pairs) -> Points:
    """A symmetric polygon from its right half, given from the top of the axis to its bottom."""
    half = np.array(right, dtype=np.float64)
    left = half[::-1] * (-1, 1)
    return np.concatenate([half, left[left[:, 0] != 0]])


def both_sides(right: Pairs) -> tuple[Points, Points]:
    """A polygon and its mirror image."""
    shape = np.array(right, dtype=np.float64)
    return shape, shape * (-1, 1)


def line(*points: tuple[float, float]) -> Points:
    """A line through points."""
    return np.array(points, dtype=np.float64)


def ellipse(centre: tuple[float, float], width: float, height: float) -> Points:
    """An upright ellipse with the given half axes."""
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([centre[0] + width * np.cos(turn), centre[1] + height * np.sin(turn)], axis=1)


def rounded(points: Points, radius: float, closed: bool = True) -> Points:
    """Replace every corner by a quadratic curve from ``radius`` before it to ``radius`` after it.

    Where corners are closer than that, the curve starts halfway. An open line keeps its ends.
    """
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    t = np.linspace(0, 1, 7)[:, None]
    curves = []
    for previous, corner, following in zip(before, points, after, strict=True):
        start, end = (
            corner + (other - corner) * min(0.5, radius / max(float(np.hypot(*(other - corner))), 1e-9))
            for other in (previous, following)
        )
        curves.append((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end)
    if not closed:
        curves = [points[:1], *curves[1:-1], points[-1:]]
    return np.concatenate(curves)
