from __future__ import annotations

import io
from itertools import combinations
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from brmrs_graph.diagnosis.report.style import COLUMN, HATCHES, INKS, MARKERS, PALETTE, save, style


@style()
def figure() -> Figure:
    figure = Figure(figsize=(COLUMN, 2), layout="constrained")
    ax = figure.subplots()
    ax.plot([1, 2], [3, 4], color=PALETTE[0], marker=MARKERS[0], label="a$b$ <é>")
    ax.bar([1, 2], [1, 2], hatch=HATCHES[1])
    ax.legend()
    return figure


def test_saving_twice_gives_the_same_bytes_and_no_date(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in save(figure(), tmp_path / "new" / "a.1")]
    second = [path.read_bytes() for path in save(figure(), tmp_path / "b")]
    assert first == second
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.1.png", "a.1.svg"]
    assert b"date" not in first[1].lower()
    assert b"a$b$ &lt;\xc3\xa9&gt;" in first[1], "text stays text, and is no mathematics"
    with Image.open(io.BytesIO(first[0])) as png:
        assert png.width == round(COLUMN * 200)
        assert "Software" not in png.info


def test_the_style_undoes_itself_and_ignores_the_settings_of_others(tmp_path: Path) -> None:
    with matplotlib.rc_context({"font.size": 20, "svg.fonttype": "path", "axes.facecolor": "pink"}):
        strange = [path.read_bytes() for path in save(figure(), tmp_path / "a")]
        assert matplotlib.rcParams["font.size"] == 20
    assert strange == [path.read_bytes() for path in save(figure(), tmp_path / "a")]


def test_every_colour_has_a_marker_and_a_hatch() -> None:
    assert len(PALETTE) == len(INKS) == len(MARKERS) == len(HATCHES) == len(set(PALETTE)) == len(set(HATCHES))


# What people without M cones (deuteranopia) or L cones (protanopia) see, in linear RGB: Viénot et al. (1999).
DEUTERANOPIA = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
PROTANOPIA = np.array([[0.10889, 0.89111, 0], [0.10889, 0.89111, 0], [0.00447, -0.00447, 1]])


def lab(color: str, seen: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of a colour under some colour vision."""
    srgb = np.array(to_rgb(color))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ (seen @ linear).clip(0, 1) / (to_xyz @ np.ones(3))
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("seen", [np.eye(3), DEUTERANOPIA, PROTANOPIA], ids=["all cones", "deuteranopia", "protanopia"])
@pytest.mark.parametrize("colors", [PALETTE, INKS], ids=["palette", "inks"])
def test_colours_stay_apart_for_the_colour_blind(seen: np.ndarray, colors: tuple[str, ...]) -> None:
    """A difference of 10 in CIE L*a*b* is seen at a glance; 2 is just seen side by side."""
    apart = {(a, b): np.linalg.norm(lab(a, seen) - lab(b, seen)) for a, b in combinations(colors, 2)}
    assert min(apart.values()) > 10, min(apart, key=apart.__getitem__)
