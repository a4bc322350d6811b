from pathlib import Path

import numpy as np
import pytest
import torch

from brmrs_graph.data.features import rotate
from brmrs_graph.data.preparation import vector_file
from brmrs_graph.data.preparation.vector_file import Shape, read_rows, rotate_file, write_rows
from brmrs_graph.errors import DataError

X = np.random.default_rng(0).normal(size=(11, 5)).astype(np.float32)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_file, "_ROWS", 4)


def test_rows_may_come_in_any_order_and_those_that_do_not_come_are_zero(tmp_path: Path) -> None:
    path = tmp_path / "x_feat.npy"
    rows = np.array([7, 2, 0, 10, 9])
    blocks = [(np.array([], dtype=np.int64), X[:0]), (rows[:2], X[rows[:2]]), (rows[2:], X[rows[2:]])]
    assert write_rows(path, 11, blocks, np.float32) == Shape(dim=5, present=5)
    expected = np.zeros_like(X)
    expected[rows] = X[rows]
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), expected)
    assert [path.name for path in tmp_path.iterdir()] == ["x_feat.npy"]
    firsts, parts = zip(*read_rows(path), strict=True)
    assert firsts == (0, 4, 8)
    np.testing.assert_array_equal(np.concatenate(parts), expected)


def test_rows_that_round_to_zero_do_not_count(tmp_path: Path) -> None:
    block = (np.array([0, 1]), np.array([[1e-12, 0], [1, 0]], dtype=np.float32))
    assert write_rows(tmp_path / "x.npy", 2, [block], np.float16).present == 1


def test_no_rows_give_no_file(tmp_path: Path) -> None:
    assert write_rows(tmp_path / "x.npy", 3, [], np.float32).dim == 0
    assert not list(tmp_path.iterdir())


def test_values_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.npy: .* up to 1e\+06 do not fit into float16"):
        write_rows(tmp_path / "x.npy", 1, [(np.array([0]), np.array([[1e6]], dtype=np.float32))], np.float16)
    assert not (tmp_path / "x.npy").exists()


def test_a_rotated_file_is_the_rotated_array(tmp_path: Path) -> None:
    rows = np.arange(1, 11)
    write_rows(tmp_path / "x.npy", 11, [(rows, X[1:])], np.float32)
    kept = rotate_file(tmp_path / "x.npy", tmp_path / "y.npy", 3)
    y = np.load(tmp_path / "y.npy")
    expected, energy = rotate(torch.from_numpy(np.load(tmp_path / "x.npy")), 3)
    assert kept == pytest.approx(energy)
    np.testing.assert_allclose(np.abs(y), expected.abs().numpy(), atol=1e-5)  # a direction's sign is arbitrary
    assert not y[0].any() and y.dtype == np.float32


def test_whitened_directions_have_equal_energy_over_the_items_that_are_there(tmp_path: Path) -> None:
    write_rows(tmp_path / "x.npy", 11, [(np.arange(1, 11), X[1:] * [9, 1, 1, 3, 0.1])], np.float32)
    rotate_file(tmp_path / "x.npy", tmp_path / "y.npy", 5, whiten=True)
    y = np.load(tmp_path / "y.npy").astype(np.float64)
    np.testing.assert_allclose(y[1:].T @ y[1:] / 10, np.eye(5), atol=1e-2)
    assert not y[0].any()


def test_whitening_leaves_rounding_errors_small(tmp_path: Path) -> None:
    flat = np.outer(np.arange(1, 12), [1, 2, 3]).astype(np.float32)  # one direction only
    write_rows(tmp_path / "x.npy", 11, [(np.arange(11), flat)], np.float32)
    rotate_file(tmp_path / "x.npy", tmp_path / "y.npy", 3, whiten=True)
    y = np.load(tmp_path / "y.npy")
    assert np.abs(y[:, 1:]).max() < 0.05 < np.abs(y[:, 0]).min()
