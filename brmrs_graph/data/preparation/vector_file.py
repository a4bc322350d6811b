"""Feature arrays as files that are written and read some rows at a time, so that no array need be in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray

from brmrs_graph.data.encoders import Block
from brmrs_graph.data.features import gram_of, leading_directions
from brmrs_graph.errors import DataError

_ROWS = 4096
_LEAST = 1e-6  # share of the largest direction's energy below which whitening would blow rounding errors up


@dataclass(frozen=True)
class Shape:
    """What a written array is like.

    Args:
        dim: Numbers in a row.
        present: Rows that are not zero, which stand for items that have the modality.
    """

    dim: int
    present: int


def write_rows(path: Path, count: int, blocks: Iterable[Block], dtype: DTypeLike) -> Shape:
    """Writes a ``.npy`` file row by row; it gets its name when it is whole.

    Args:
        path: The file.
        count: Rows of the array.
        blocks: Some rows at a time, every row at most once; rows that never come are zero.
        dtype: Type of the array.

    Returns:
        Its shape; with ``dim`` 0 no row came, and there is no file.

    Raises:
        DataError: If a value is too large for the type.
    """
    aside = path.with_name(f".{path.name}.part")
    dim = present = start = 0
    with aside.open("w+b") as file:
        for rows, vectors in blocks:
            if not dim and len(rows):
                dim = vectors.shape[1]
                start = _begin(file, (count, dim), np.dtype(dtype))
            with np.errstate(over="ignore"):
                values = vectors.astype(dtype)
            if not np.isfinite(values).all():
                raise DataError(
                    f"{path.name}: vectors with values up to {np.abs(vectors).max():g} do not fit into "
                    f"{np.dtype(dtype)}; use another encoder"
                )
            present += int(values.any(axis=1).sum())
            for row, value in zip(rows.tolist(), values, strict=True):
                file.seek(start + row * value.nbytes)
                file.write(value.tobytes())
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path) if dim else aside.unlink()
    return Shape(dim, present)


def read_rows(path: Path) -> Iterator[tuple[int, NDArray[Any]]]:
    """Rows of a file that :func:`write_rows` made, some at a time, each time with the number of the first."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        (count, dim), _, dtype = np.lib.format.read_array_header_1_0(file)
        for first in range(0, count, _ROWS):
            rows = min(_ROWS, count - first)
            yield first, np.fromfile(file, dtype, rows * dim).reshape(rows, dim)


def rotate_file(path: Path, target: Path, dim: int, whiten: bool = False) -> float:
    r"""Rotates an array to its ``dim`` leading directions, as :func:`~brmrs_graph.data.features.rotate` does.

    Rows of zeros stay zero. Whitening scales each direction to a mean square of 1 over the other rows.

    Args:
        path: The array.
        target: Where the rotated one goes, in the same type.
        dim: Dimensions kept, at most those that there are.
        whiten: Whether to whiten.

    Returns:
        The share of energy kept by the directions, in [0, 1].
    """
    whole = np.lib.format.open_memmap(path, mode="r")
    double = (torch.from_numpy(block).double() for _, block in read_rows(path))
    vectors, energy, kept = leading_directions(gram_of(double), dim)
    if whiten:
        present = sum(int(block.any(axis=1).sum()) for _, block in read_rows(path))
        vectors = vectors * (present / energy.clamp(min=_LEAST * float(energy[0]))).sqrt()
    rotation = vectors.numpy()
    blocks = (
        (np.arange(first, first + len(block)), (block.astype(np.float64) @ rotation).astype(np.float32))
        for first, block in read_rows(path)
    )
    write_rows(target, len(whole), blocks, whole.dtype)
    return kept


def _begin(file: Any, shape: tuple[int, int], dtype: np.dtype[Any]) -> int:
    """Writes the header of an array and makes room for its rows; returns where they begin."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    start: int = file.tell()
    file.truncate(start + shape[0] * shape[1] * dtype.itemsize)
    return start
