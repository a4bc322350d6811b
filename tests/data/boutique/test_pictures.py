from dataclasses import replace

import numpy as np
import pytest

from brmrs_graph.data.boutique import (
    VOCABULARY,
    Boutique,
)
from brmrs_graph.data.boutique.faults import sample_faults
from brmrs_graph.data.boutique.pictures import SIZE, render_picture
from tests.data.boutique.conftest import SMALL


@pytest.mark.parametrize("kind", VOCABULARY["kind"])
def test_the_picture_changes_with_what_it_shows(kind: str) -> None:
    def pixels(cut: str = "regular", colour: str = "blue", pattern: str = "plain") -> np.ndarray:
        picture = render_picture(kind, cut, colour, pattern, np.random.default_rng(1))
        assert picture.size == SIZE and picture.mode == "RGB"
        return np.asarray(picture, dtype=np.int16)

    base = pixels()
    np.testing.assert_array_equal(base, pixels())
    for other in (pixels(cut="wide"), pixels(colour="red"), pixels(pattern="dots")):
        assert np.abs(base - other).mean() > 1
    corners = base[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.min() > 200, "a light background around the garment"


def test_the_picture_depends_on_nothing_that_is_only_told(small: Boutique) -> None:
    codes = dict(small.attributes.codes)
    for name in ("material", "occasion", "care"):
        codes[name] = np.zeros_like(codes[name])
    other = replace(small, attributes=replace(small.attributes, codes=codes))
    for item in range(0, SMALL.n_items, 10):
        ours, theirs = small.picture(item), other.picture(item)
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert ours.tobytes() == theirs.tobytes()


def test_faulty_pictures(full: Boutique) -> None:
    faults = full.picture_faults
    blank, missing, swapped = (faults.fault.index(name) for name in ("blank", "missing", "swapped"))
    assert full.picture(missing) is None
    empty = full.picture(blank)
    assert empty is not None and len(empty.getcolors() or []) == 1
    ours = full.picture(swapped)
    clean = replace(full, picture_faults=sample_faults(full.n_items, {}, np.random.default_rng(0)))
    theirs = clean.picture(int(faults.source[swapped]))
    assert ours is not None and theirs is not None and ours.tobytes() == theirs.tobytes()
