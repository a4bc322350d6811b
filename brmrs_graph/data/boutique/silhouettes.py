"""The shapes of the kinds of garment.

Coordinates: x to the right, y down, the garment centred near the origin, about 1 from its middle to its top
or bottom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from brmrs_graph.data.boutique.outlines import Points, both_sides, ellipse, line, mirrored, rounded


@dataclass(frozen=True)
class Silhouette:
    """What to draw for a garment, bottom to top.

    Attributes:
        fills: Polygons of fabric, each ``(n, 2)``.
        straps: Lines of fabric with their width (handles, shoulder straps).
        trims: Polygons in the darker trim colour (collars, soles, bands).
        seams: Thin dark lines.
        buttons: Centres of buttons.
    """

    fills: tuple[Points, ...]
    straps: tuple[tuple[Points, float], ...] = ()
    trims: tuple[Points, ...] = ()
    seams: tuple[Points, ...] = ()
    buttons: tuple[tuple[float, float], ...] = ()


def draw_silhouette(kind: str, rng: np.random.Generator) -> Silhouette:
    """The shape of one garment of a kind, with a little variation of its own.

    Args:
        kind: A value of the attribute ``"kind"``.
        rng: Source of the variation (lengths, flare, depth of the neckline).
    """
    return _SHAPES[kind](rng)


def _t_shirt(rng: np.random.Generator) -> Silhouette:
    neck = rng.uniform(0.12, 0.22)
    body = _torso(hem=(0.46, rng.uniform(0.82, 0.92)), sleeve=rng.uniform(0.36, 0.44), angle=48, cuff=0.34, neck=neck)
    band = mirrored([(0, -0.88 + neck), (0.17, -0.98), (0.23, -0.95), (0, -0.79 + neck)])
    return Silhouette(fills=(rounded(body, 0.05),), trims=(rounded(band, 0.12),))


def _shirt(rng: np.random.Generator) -> Silhouette:
    hem = rng.uniform(0.86, 0.96)
    body = _torso(hem=(0.45, hem), sleeve=rng.uniform(1.22, 1.32), angle=17, cuff=0.19, neck=0.1, tail=0.08)
    collar = both_sides([(0, -0.78), (0.15, -1.02), (0.25, -0.95), (0.17, -0.68)])
    pocket = np.array([(0.12, -0.42), (0.34, -0.42), (0.34, -0.18), (0.23, -0.12), (0.12, -0.18), (0.12, -0.42)])
    buttons = tuple((0.0, y) for y in np.linspace(-0.6, hem - 0.2, 6))
    placket = (line((-0.05, -0.78), (-0.05, hem)), line((0.05, -0.78), (0.05, hem)))
    return Silhouette((rounded(body, 0.06),), trims=collar, seams=(*placket, pocket), buttons=buttons)


def _jumper(rng: np.random.Generator) -> Silhouette:
    hem = rng.uniform(0.72, 0.82)
    body = _torso(hem=(0.44, hem), sleeve=rng.uniform(1.15, 1.25), angle=17, cuff=0.23, neck=0.1, bulk=0.05)
    band = mirrored([(0, -0.78), (0.17, -0.9), (0.2, -1.04), (0, -0.96)])
    rib = mirrored([(0, hem - 0.14), (0.47, hem - 0.14), (0.44, hem + 0.02), (0, hem + 0.02)])
    ribs = tuple(line((x, hem - 0.14), (x, hem)) for x in np.linspace(-0.4, 0.4, 13))
    return Silhouette((rounded(body, 0.1),), trims=(rounded(band, 0.05), rib), seams=ribs)


def _coat(rng: np.random.Generator) -> Silhouette:
    hem = rng.uniform(1.08, 1.16)
    waist = -0.02
    body = _torso(hem=(rng.uniform(0.56, 0.64), hem), sleeve=1.2, angle=12, cuff=0.22, neck=0.1, waist=0.4, bulk=0.04)
    lapels = both_sides([(0, -0.22), (0.13, -1.03), (0.27, -0.97), (0.34, -0.66), (0.24, -0.6), (0.26, -0.52)])
    belt = mirrored([(0, waist), (0.41, waist), (0.41, waist + 0.12), (0, waist + 0.12)])
    pockets = tuple(line((side * 0.2, 0.42), (side * 0.42, 0.36)) for side in (-1, 1))
    buttons = tuple((x, y) for x in (-0.12, 0.12) for y in (-0.14, 0.28, 0.5))
    opening = line((0, -0.22), (0, hem))
    return Silhouette((rounded(body, 0.06),), trims=(*lapels, belt), seams=(*pockets, opening), buttons=buttons)


def _dress(rng: np.random.Generator) -> Silhouette:
    hem, flare, neck = rng.uniform(1.0, 1.14), rng.uniform(0.62, 0.74), rng.uniform(-0.72, -0.62)
    body = mirrored(
        [
            (0, neck), (0.12, neck - 0.06), (0.26, -0.8), (0.33, -0.5), (0.24, -0.12),
            (0.36, 0.25), (flare, hem - 0.04), (flare * 0.5, hem + 0.04), (0, hem + 0.05),
        ]
    )  # fmt: skip
    straps = tuple((line((side * 0.255, -0.72), (side * 0.2, -1.08)), 0.07) for side in (-1, 1))
    band = mirrored([(0, -0.17), (0.255, -0.17), (0.25, -0.06), (0, -0.06)])
    folds = tuple(line((x * 0.3, 0.08), (x * flare, hem - 0.05)) for x in (-0.55, -0.18, 0.18, 0.55))
    return Silhouette((rounded(body, 0.08),), straps=straps, trims=(band,), seams=folds)


def _skirt(rng: np.random.Generator) -> Silhouette:
    hem, flare = rng.uniform(0.6, 0.8), rng.uniform(0.66, 0.78)
    side = [(0.42, -0.3), (flare, hem - 0.07), (flare * 0.5, hem + 0.04)]
    body = mirrored([(0, -0.72), (0.3, -0.72), *side, (0, hem + 0.06)])
    band = mirrored([(0, -0.8), (0.31, -0.8), (0.32, -0.62), (0, -0.62)])
    folds = tuple(line((x * 0.34, -0.5), (x * flare, hem - 0.02)) for x in (-0.66, -0.33, 0, 0.33, 0.66))
    return Silhouette((rounded(body, 0.06),), trims=(band,), seams=folds)


def _trousers(rng: np.random.Generator) -> Silhouette:
    return _legs(hem=rng.uniform(1.08, 1.16), foot=(0.12, rng.uniform(0.38, 0.46)), top=-1.0)


def _shorts(rng: np.random.Generator) -> Silhouette:
    return _legs(hem=rng.uniform(0.38, 0.5), foot=(0.07, rng.uniform(0.6, 0.66)), top=-0.62, widen=1.2)


def _hat(rng: np.random.Generator) -> Silhouette:
    crown = rng.uniform(-0.62, -0.5)
    dome = rounded(mirrored([(0, crown), (0.3, crown - 0.03), (0.45, crown + 0.18), (0.5, 0.3), (0, 0.38)]), 0.2)
    brim = ellipse((0, 0.32), rng.uniform(0.72, 0.78), rng.uniform(0.16, 0.22))
    band = mirrored([(0, 0.1), (0.475, 0.02), (0.505, 0.22), (0, 0.32)])
    crease = np.array([(-0.16, crown + 0.03), (-0.05, crown + 0.2), (0.06, crown + 0.04)])
    return Silhouette((brim, dome), trims=(rounded(band, 0.3),), seams=(rounded(crease, 0.1, closed=False),))


def _boots(rng: np.random.Generator) -> Silhouette:
    top, heel = rng.uniform(-0.95, -0.7), rng.uniform(0.84, 0.92)
    shaft = [
        (-0.42, top),
        (0.12, top - 0.02),
        (0.14, 0.22),
        (0.5, 0.4),
        (0.68, 0.62),
        (0.68, 0.78),
        (-0.44, 0.78),
        (-0.4, 0.3),
    ]
    sole = np.array([(-0.46, 0.74), (0.7, 0.74), (0.68, 0.86), (0.0, 0.86), (-0.06, heel + 0.08), (-0.46, heel + 0.08)])
    cuff = np.array([(-0.44, top - 0.05), (0.14, top - 0.07), (0.14, top + 0.1), (-0.43, top + 0.12)])
    laces = tuple(line((-0.02, y), (0.15, y - 0.07)) for y in np.linspace(top + 0.3, 0.2, 5))
    ankle = line((-0.4, 0.34), (0.1, 0.28))
    return Silhouette((rounded(np.array(shaft), 0.14),), trims=(sole, cuff), seams=(*laces, ankle))


def _bag(rng: np.random.Generator) -> Silhouette:
    top, bottom = rng.uniform(-0.22, -0.12), rng.uniform(0.7, 0.8)
    body = rounded(mirrored([(0, top), (0.6, top), (0.7, bottom), (0, bottom)]), 0.12)
    reach = rng.uniform(0.56, 0.72)
    arch = np.array([(-0.36, top + 0.1), (-0.34, top - reach), (0.34, top - reach), (0.36, top + 0.1)])
    flap = rounded(mirrored([(0, top - 0.02), (0.61, top - 0.02), (0.63, top + 0.2), (0, top + 0.42)]), 0.1)
    return Silhouette(
        (body,),
        straps=((rounded(arch, 0.3, closed=False), 0.09),),
        trims=(flap,),
        buttons=((0.0, top + 0.33),),
    )


def _scarf(rng: np.random.Generator) -> Silhouette:
    left, right = rng.uniform(0.78, 0.94), rng.uniform(0.62, 0.84)
    loop = rounded(np.array([(-0.5, -0.76), (0, -0.98), (0.5, -0.76), (0.44, -0.44), (0, -0.3), (-0.44, -0.44)]), 0.22)
    tails = (
        np.array([(-0.32, -0.5), (0.08, -0.42), (-0.02, left), (-0.46, left - 0.04)]),
        np.array([(-0.06, -0.42), (0.32, -0.5), (0.48, right - 0.04), (0.1, right)]),
    )
    fringe = tuple(
        (line((x, end - 0.03), (x * 1.02, end + 0.13)), 0.035)
        for low, high, end in ((-0.43, -0.05, left), (0.13, 0.45, right))
        for x in np.linspace(low, high, 7)
    )
    opening = ellipse((0, -0.74), 0.26, 0.09)
    edge = np.array([(0.08, -0.35), (0.04, 0.1), (-0.02, left)])
    fold = np.array([(-0.42, -0.58), (0, -0.44), (0.42, -0.58)])
    return Silhouette((*tails, loop), straps=fringe, trims=(opening,), seams=(edge, rounded(fold, 0.3, closed=False)))


def _torso(
    hem: tuple[float, float],
    sleeve: float,
    angle: float,
    cuff: float,
    neck: float,
    waist: float = 0.41,
    tail: float = 0.0,
    bulk: float = 0.0,
) -> Points:
    """A garment with sleeves, which hang at ``angle`` degrees from the vertical and end ``cuff`` wide."""
    width, bottom = hem
    along = np.array([np.sin(np.radians(angle)), np.cos(np.radians(angle))])
    across = np.array([-along[1], along[0]])
    shoulder = np.array([0.47 + bulk, -0.84])
    outer = shoulder + sleeve * along
    inner = outer + cuff * across
    return mirrored(
        [
            (0, -0.9 + neck), (0.1, -0.93 + neck * 0.6), (0.19, -0.98), tuple(shoulder), tuple(outer),
            tuple(inner), (0.4, -0.42 + bulk), (waist, 0.0), (width, bottom - tail),
            (width * 0.5, bottom + tail * 0.6), (0, bottom + tail),
        ]
    )  # fmt: skip


def _legs(hem: float, foot: tuple[float, float], top: float, widen: float = 1.0) -> Silhouette:
    """A garment with two legs from the waist at ``top`` to ``hem``; each foot spans ``foot``."""
    inner, outer = foot
    hip, crotch = 0.44 * widen, top + 0.62
    body = mirrored([(0, top), (0.36, top), (hip, top + 0.45), (outer, hem), (inner, hem + 0.01), (0, crotch)])
    band = mirrored([(0, top - 0.06), (0.365, top - 0.06), (0.38, top + 0.09), (0, top + 0.09)])
    fly = line((0, top + 0.09), (0, crotch))
    pockets = tuple(
        rounded(
            np.array([(s * 0.2, top + 0.1), (s * 0.24, top + 0.26), (s * hip * 0.94, top + 0.3)]),
            0.1,
            closed=False,
        )
        for s in (-1, 1)
    )
    return Silhouette((rounded(body, 0.04),), trims=(band,), seams=(fly, *pockets))


_SHAPES: Mapping[str, Callable[[np.random.Generator], Silhouette]] = {
    "t-shirt": _t_shirt,
    "shirt": _shirt,
    "jumper": _jumper,
    "coat": _coat,
    "dress": _dress,
    "skirt": _skirt,
    "trousers": _trousers,
    "shorts": _shorts,
    "hat": _hat,
    "boots": _boots,
    "bag": _bag,
    "scarf": _scarf,
}
