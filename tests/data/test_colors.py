from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brmrs_graph.data.encoders import ColorEncoder, encode_items, image_encoder
from brmrs_graph.data.encoders.colors import _GREYS, _GRID
from brmrs_graph.errors import DataError

COLORS = 12 * 3 * 3 + 8

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def write(name: str, pixels: np.ndarray) -> Path:
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{name}.png")
        return tmp_path / f"{name}.png"

    return write


def one_color(*rgb: int) -> np.ndarray:
    return np.full((40, 60, 3), rgb)


def stripes(angle: float, size: int = 192) -> np.ndarray:
    """Grey waves whose brightness changes in this direction, in degrees from the right, downwards."""
    down, right = np.mgrid[:size, :size]
    along = right * np.cos(np.radians(angle)) + down * np.sin(np.radians(angle))
    return np.repeat((127 + 120 * np.sin(along / 6))[:, :, None], 3, axis=2)


def encode(*paths: Path) -> np.ndarray:
    return ColorEncoder().encode(paths)


def test_shape_length_and_repeatability(make: Make) -> None:
    rng = np.random.default_rng(0)
    paths = [make(str(i), rng.integers(0, 256, (50, 70, 3))) for i in range(4)]
    counts: list[int] = []
    vectors = ColorEncoder().encode(paths, counts.append)
    assert sum(counts) == 4
    assert vectors.dtype == np.float32 and vectors.shape == (4, ColorEncoder.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(vectors, np.vstack([encode(path) for path in paths]))
    assert len({row.tobytes() for row in vectors}) == 4


def test_colours_fall_into_their_bins(make: Make) -> None:
    red, both, blue, grey, black = encode(
        make("red", one_color(255, 0, 0)),
        make("both", np.vstack([one_color(255, 0, 0)[:10], one_color(0, 0, 255)[:30]])),
        make("blue", one_color(0, 0, 255)),
        make("grey", one_color(128, 128, 128)),
        make("black", one_color(3, 0, 3)),  # dark enough to have no hue
    )[:, :COLORS]
    assert red.argmax() == (0 * 3 + 2) * 3 + 2 and blue.argmax() == (7 * 3 + 2) * 3 + 2  # hue 240 of 360 in 12 bins
    assert grey.argmax() == COLORS - _GREYS + 4 and black.argmax() == COLORS - _GREYS
    for vector in (red, blue, grey, black):
        assert (vector > 0).sum() == 1
    assert both[red.argmax()] / both[blue.argmax()] == pytest.approx(np.sqrt(1 / 3), rel=1e-5)


@pytest.mark.parametrize("angle", [0.0, 22.5, 45.0, 90.0, 112.5, 157.5])
def test_edges_fall_into_their_direction(make: Make, angle: float) -> None:
    for turned in (angle, angle + 180):  # without sign
        edges = encode(make(f"{turned}", stripes(turned)))[0, COLORS:].reshape(_GRID**2, 8) ** 2
        share = edges.sum(axis=0) / edges.sum()
        assert share.argmax() == round(angle / 22.5) and share.max() > 0.8


def test_an_edge_between_two_directions_counts_for_both(make: Make) -> None:
    edges = encode(make("between", stripes(11.25)))[0, COLORS:].reshape(_GRID**2, 8) ** 2
    share = edges.sum(axis=0) / edges.sum()
    assert share[0] == pytest.approx(share[1], abs=0.1) and share[:2].sum() > 0.85
    edges = encode(make("around", stripes(168.75)))[0, COLORS:].reshape(_GRID**2, 8) ** 2
    share = edges.sum(axis=0) / edges.sum()
    assert share[7] == pytest.approx(share[0], abs=0.1) and share[[7, 0]].sum() > 0.85


def test_edges_fall_into_their_field(make: Make) -> None:
    picture = one_color(255, 255, 255).repeat(4, axis=0).repeat(4, axis=1)
    picture[10:20, 205:215] = 0  # in 160 x 240, so that it lies in the first row and the last column of 6 x 6
    edges = encode(make("dot", picture))[0, COLORS:].reshape(_GRID, _GRID, 8).sum(axis=2)
    assert np.flatnonzero(edges).tolist() == [5]


def test_a_picture_of_one_colour_has_no_edges(make: Make) -> None:
    vector = encode(make("flat", one_color(10, 200, 30)))[0]
    assert not vector[COLORS:].any() and vector.max() == pytest.approx(1)


def test_transparency_is_white(make: Make) -> None:
    clear = np.zeros((20, 20, 4))
    np.testing.assert_array_equal(encode(make("clear", clear)), encode(make("white", one_color(255, 255, 255))))


def test_by_name_for_a_folder_and_cached(tmp_path: Path) -> None:
    assert isinstance(image_encoder("colors"), ColorEncoder)
    images = tmp_path / "images"
    images.mkdir()
    for name, rgb in (("a", (255, 0, 0)), ("b", (0, 0, 255))):
        Image.new("RGB", (30, 30), rgb).save(images / f"{name}.png")
    features = encode_items(tmp_path, ["a", "none", "b"], image_encoder="colors", cache_dir=tmp_path / "cache")
    first = features["visual"].vectors
    np.testing.assert_array_equal(first[[0, 2]], encode(images / "a.png", images / "b.png"))
    assert not first[1].any()
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [ColorEncoder().fingerprint()]


def test_an_unreadable_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.png cannot be read as a picture"):
        encode(tmp_path / "broken.png")
