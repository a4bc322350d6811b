import numpy as np
import pytest

from brmrs_graph.data.boutique.outlines import both_sides, ellipse, line, mirrored, rounded


def test_the_left_half_mirrors_the_right_one_and_points_on_the_axis_stay_single() -> None:
    assert mirrored([(0, 0), (2, 1), (3, 4), (0, 5)]).tolist() == [[0, 0], [2, 1], [3, 4], [0, 5], [-3, 4], [-2, 1]]


def test_a_shape_and_its_mirror_image() -> None:
    right, left = both_sides([(1, 2), (3, 4)])
    assert (right.tolist(), left.tolist()) == ([[1, 2], [3, 4]], [[-1, 2], [-3, 4]])


def test_points_of_an_ellipse_satisfy_its_equation() -> None:
    x, y = ((ellipse((2, -1), 3, 0.5) - (2, -1)) / (3, 0.5)).T
    assert x**2 + y**2 == pytest.approx(np.ones(48))


def test_a_rounded_square_keeps_its_sides_and_loses_its_corners() -> None:
    curve = rounded(line((0, 0), (4, 0), (4, 4), (0, 4)), radius=1)
    # Each corner becomes a curve from 1 before it to 1 after it, whose middle is halfway to the corner.
    assert curve.shape == (4 * 7, 2)
    assert curve[0].tolist() == [0, 1]
    assert curve[6].tolist() == [1, 0]
    assert curve[3].tolist() == [0.25, 0.25]


def test_curves_of_near_corners_meet_halfway() -> None:
    curve = rounded(line((0, 0), (4, 0), (4, 4), (0, 4)), radius=100)
    assert curve[6].tolist() == curve[7].tolist() == [2, 0]


def test_an_open_line_keeps_its_ends() -> None:
    curve = rounded(line((0, 0), (4, 0), (4, 4)), radius=1, closed=False)
    assert curve[0].tolist() == [0, 0]
    assert curve[-1].tolist() == [4, 4]
    assert len(curve) == 1 + 7 + 1
