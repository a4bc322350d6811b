"""Rendered pictures of the garments."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageChops, ImageDraw
from scipy.ndimage import minimum_filter

from brmrs_graph.data.boutique.fabrics import Colour, contrast, dye, mixed, weave
from brmrs_graph.data.boutique.outlines import Points
from brmrs_graph.data.boutique.silhouettes import draw_silhouette

SIZE = (128, 160)
"""Width and height of a picture in pixels."""

_OVERSAMPLING = 3  # drawn this much larger and scaled down: antialiasing
_WIDTH_OF_CUT: Mapping[str, float] = {"slim": 0.78, "regular": 1.0, "wide": 1.22}
_INK: Colour = (34, 30, 40)
_BACKGROUNDS: tuple[Colour, ...] = (
    (232, 228, 222), (224, 230, 234), (230, 232, 224), (236, 230, 230), (226, 226, 230),
)  # fmt: skip


def render_picture(kind: str, cut: str, colour: str, pattern: str, rng: np.random.Generator) -> Image.Image:
    """Draw a garment on a light background.

    The picture depends on nothing but the four attributes that can be seen and on ``rng``, which varies
    shade, scale, place, proportions and background a little.

    Args:
        kind: What it is; sets the silhouette.
        cut: Sets the width.
        colour: Colour of the fabric.
        pattern: Pattern on the fabric, in a tint or shade of the same colour.
        rng: Source of the variation.

    Returns:
        An RGB picture of :data:`SIZE`.
    """
    width, height = (_OVERSAMPLING * side for side in SIZE)
    canvas = render_blank(rng).resize((width, height))
    fabric = dye(colour, rng)
    trim = mixed(fabric, _INK, 0.28) if sum(fabric) > 180 else mixed(fabric, (255, 255, 255), 0.18)
    seam = mixed(fabric, _INK, 0.6) if sum(fabric) > 180 else mixed(fabric, (255, 255, 255), 0.4)
    shape = draw_silhouette(kind, rng)

    scale = 0.39 * height * rng.uniform(0.95, 1.02)
    stretch = np.array([scale * _WIDTH_OF_CUT[cut] * rng.uniform(0.97, 1.03), scale])
    centre = np.array([width, height]) * (0.5 + rng.uniform(-0.02, 0.02, size=2))

    def placed(points: Points) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in points * stretch + centre]

    outline = Image.new("L", canvas.size, 0)
    pen = ImageDraw.Draw(outline)
    for line, thickness in shape.straps:
        pen.line(placed(line), fill=255, width=round(thickness * scale), joint="curve")
    for polygon in shape.fills:
        pen.polygon(placed(polygon), fill=255)

    _drop_shadow(canvas, outline)
    cloth = weave(pattern, canvas.size, 0.17 * scale, fabric, contrast(fabric), rng)
    # Pillow's own MinFilter gives the same and takes half of the time of a picture.
    inside = Image.fromarray(minimum_filter(np.asarray(outline), size=5, mode="nearest"))
    edge = ImageChops.difference(outline, inside)
    canvas.paste(cloth, mask=outline)

    pen = ImageDraw.Draw(canvas)
    thin = max(2, round(0.014 * scale))
    for polygon in shape.trims:
        pen.polygon(placed(polygon), fill=trim)
        pen.line(placed(np.concatenate([polygon, polygon[:1]])), fill=seam, width=thin, joint="curve")
    for line in shape.seams:
        pen.line(placed(line), fill=seam, width=thin, joint="curve")
    canvas.paste(seam, mask=edge)
    button = 0.03 * scale
    for x, y in placed(np.array(shape.buttons).reshape(-1, 2)):
        pen.ellipse(
            (x - button, y - button, x + button, y + button),
            fill=mixed(seam, (255, 255, 255), 0.5),
            outline=seam,
        )
    return canvas.resize(SIZE, Image.Resampling.BOX)


def render_blank(rng: np.random.Generator) -> Image.Image:
    """An empty background, an RGB picture of :data:`SIZE`."""
    return Image.new("RGB", SIZE, _BACKGROUNDS[int(rng.integers(len(_BACKGROUNDS)))])


def _drop_shadow(canvas: Image.Image, outline: Image.Image) -> None:
    """Darken the background a little below and to the right of the garment."""
    shadow = ImageChops.offset(outline, 5, 7).point(lambda value: value * 0.16)
    canvas.paste(_INK, mask=shadow)
