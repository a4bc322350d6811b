"""Colours and patterns."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]

_HSV: Mapping[str, tuple[float, float, float]] = {
    "black": (0.62, 0.12, 0.15),
    "white": (0.12, 0.03, 0.98),
    "red": (0.99, 0.84, 0.78),
    "orange": (0.075, 0.85, 0.96),
    "yellow": (0.145, 0.75, 0.97),
    "green": (0.375, 0.62, 0.56),
    "blue": (0.6, 0.72, 0.74),
    "purple": (0.765, 0.55, 0.6),
    "pink": (0.93, 0.36, 0.96),
    "brown": (0.07, 0.58, 0.42),
}
"""Hue, saturation and value of each colour, all in [0, 1]."""


def dye(colour: str, rng: np.random.Generator) -> Colour:
    """An RGB shade of a named colour with a small jitter of its own.

    Args:
        colour: A value of the attribute ``"colour"``.
        rng: Source of the jitter.
    """
    hue, saturation, value = _HSV[colour]
    hue += rng.uniform(-0.012, 0.012)
    saturation = np.clip(saturation + rng.uniform(-1, 1) * 0.2 * min(saturation, 0.3), 0, 1)
    value = np.clip(value + rng.uniform(-0.04, 0.04), 0, 1)
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, float(saturation), float(value))
    return round(255 * red), round(255 * green), round(255 * blue)


def mixed(colour: Colour, other: Colour, share: float) -> Colour:
    """``colour`` with a share of ``other`` mixed in."""
    red, green, blue = (round((1 - share) * a + share * b) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def contrast(colour: Colour) -> Colour:
    """The second colour of a pattern: a tint of a dark colour, a shade of a light one, of the same hue."""
    red, green, blue = colour
    luminance = 0.299 * red + 0.587 * green + 0.114 * blue
    return mixed(colour, (255, 255, 255), 0.72) if luminance < 150 else mixed(colour, (40, 36, 48), 0.5)


def weave(
    pattern: str, size: tuple[int, int], unit: float, ground: Colour, figure: Colour, rng: np.random.Generator
) -> Image.Image:
    """A sheet of patterned fabric.

    Args:
        pattern: A value of the attribute ``"pattern"``.
        size: Width and height in pixels.
        unit: Typical distance of the repeats in pixels; varied a little.
        ground: Colour of the fabric.
        figure: Colour of the pattern on it.
        rng: Source of scale, direction and offset.
    """
    sheet = Image.new("RGB", size, ground)
    _PATTERNS[pattern](sheet, unit * rng.uniform(0.85, 1.2), figure, rng)
    return sheet


def _plain(sheet: Image.Image, unit: float, figure: Colour, rng: np.random.Generator) -> None:
    """Nothing on the ground."""


def _stripes(sheet: Image.Image, unit: float, figure: Colour, rng: np.random.Generator) -> None:
    """Parallel stripes: across, upright or slanting."""
    angle = rng.choice([0.0, 0.0, 90.0, 45.0])
    _bands(sheet, unit, unit * rng.uniform(0.35, 0.5), angle, figure, rng, opacity=255)


def _checks(sheet: Image.Image, unit: float, figure: Colour, rng: np.random.Generator) -> None:
    """Two crossing sets of translucent bands, darker where they cross: gingham."""
    for angle in (0.0, 90.0):
        _bands(sheet, unit * 1.25, unit * 0.6, angle, figure, rng, opacity=150)


def _bands(
    sheet: Image.Image,
    pitch: float,
    width: float,
    angle: float,
    figure: Colour,
    rng: np.random.Generator,
    opacity: int,
) -> None:
    """Straight bands, ``width`` wide and ``pitch`` apart, at an angle in degrees from the horizontal."""
    along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    across = np.array([-along[1], along[0]])
    mask = Image.new("L", sheet.size, 0)
    pen = ImageDraw.Draw(mask)
    reach = sum(sheet.size)
    for offset in np.arange(-reach + rng.uniform(0, pitch), reach, pitch):
        near, far = offset * across, (offset + width) * across
        pen.polygon(
            [
                tuple(p)
                for p in (
                    near - reach * along,
                    near + reach * along,
                    far + reach * along,
                    far - reach * along,
                )
            ],
            fill=opacity,
        )
    sheet.paste(figure, mask=mask)


def _dots(sheet: Image.Image, unit: float, figure: Colour, rng: np.random.Generator) -> None:
    """Discs on a staggered grid."""
    pen = ImageDraw.Draw(sheet)
    radius = unit * rng.uniform(0.24, 0.3)
    for x, y in _staggered(sheet.size, unit, rng):
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=figure)


def _flowers(sheet: Image.Image, unit: float, figure: Colour, rng: np.random.Generator) -> None:
    """Five-petalled flowers with a pale heart, turned and scattered."""
    pen = ImageDraw.Draw(sheet)
    heart = mixed(figure, (255, 236, 170), 0.75)
    pitch = unit * 1.75
    for x, y in _staggered(sheet.size, pitch, rng):
        x, y = x + rng.uniform(-0.15, 0.15) * pitch, y + rng.uniform(-0.15, 0.15) * pitch
        petal = unit * rng.uniform(0.26, 0.34)
        turn = rng.uniform(0, 2 * np.pi)
        for angle in turn + np.arange(5) * 2 * np.pi / 5:
            px, py = x + 1.25 * petal * np.cos(angle), y + 1.25 * petal * np.sin(angle)
            pen.ellipse((px - petal, py - petal, px + petal, py + petal), fill=figure)
        core = 0.75 * petal
        pen.ellipse((x - core, y - core, x + core, y + core), fill=heart)


def _staggered(size: tuple[int, int], pitch: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Points of a grid every other row of which is shifted by half a pitch, with a random offset."""
    x0, y0 = rng.uniform(-pitch, 0, size=2)
    return [
        (x0 + (column + 0.5 * (row % 2)) * pitch, y0 + row * pitch * 0.87)
        for row in range(int(size[1] / (pitch * 0.87)) + 3)
        for column in range(int(size[0] / pitch) + 3)
    ]


_PATTERNS: Mapping[str, Callable[[Image.Image, float, Colour, np.random.Generator], None]] = {
    "plain": _plain,
    "stripes": _stripes,
    "checks": _checks,
    "dots": _dots,
    "flowers": _flowers,
}
