"""Vectors that were made elsewhere, read from a file: an array in the order of the items, or a table with their ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brmrs_graph.data.counted import counted
from brmrs_graph.data.encoders.base import Block, FloatArray, require
from brmrs_graph.errors import DataError

PREFIX = "file:"
_ID_COLUMNS = ("itemID", "item_id", "id")
_ROWS = 16_384  # read at a time


def vectors_file(encoder: object) -> Path | None:
    """The file that ``file:PATH`` names, in the place of an encoder's name; None for anything else."""
    return Path(encoder.removeprefix(PREFIX)) if isinstance(encoder, str) and encoder.startswith(PREFIX) else None


def check_vectors(path: Path) -> None:
    """Makes sure that a file of vectors is there and may be one; nothing is read yet.

    Raises:
        DataError: If it is not.
    """
    if path.suffix not in _READERS:
        raise DataError(f"{path}: vectors are read from {', '.join(_READERS)}; write them as one of these")
    if not path.is_file():
        raise DataError(f"{path} is missing; give the file of the vectors as {PREFIX}PATH")


def read_vectors(path: Path, item_ids: Sequence[str]) -> FloatArray:
    """All of :func:`vector_blocks` in one array.

    Returns:
        Float32, shape ``[n, dim]``; zeros, which mark the vector as missing, for items that are not in the file.
    """
    vectors: FloatArray | None = None
    for rows, values in vector_blocks(path, item_ids):
        if vectors is None:
            vectors = np.zeros((len(item_ids), values.shape[1]), dtype=np.float32)
        vectors[rows] = values
    assert vectors is not None  # a file without any vector of these items is an error
    return vectors


def vector_blocks(path: Path, item_ids: Sequence[str]) -> Iterator[Block]:
    """Reads the vectors of some items, block by block.

    * ``.npy``: an array of shape ``[n, dim]``, row ``i`` for ``item_ids[i]``. It is read through a memory map.
    * ``.npz``: the arrays ``ids``, strings or whole numbers of shape ``[m]``, and ``vectors`` of shape ``[m, dim]``.
    * ``.parquet``: a column ``itemID`` (or ``item_id``, ``id``), and either one column of lists or one numeric column
      for each dimension. It is read in batches, and needs pyarrow.

    Args:
        path: The file.
        item_ids: ``n`` item ids, compared as text. Other ids of the file are passed over.

    Yields:
        Rows below ``n``, each at most once, and their vectors.

    Raises:
        DataError: If the file is missing or damaged, is of another form, knows none of the items, or has an item
            twice or a value that is not finite.
    """
    check_vectors(path)
    try:
        yield from _READERS[path.suffix](path, item_ids)
    except DataError:
        raise
    except Exception as error:  # what numpy and pyarrow raise for damaged files has no common class
        raise DataError(f"{path} cannot be read: {error or type(error).__name__}; write it again") from error


def _npy(path: Path, item_ids: Sequence[str]) -> Iterator[Block]:
    array = np.lib.format.open_memmap(path, mode="r")  # never unpickles
    _check_shape(path, array)
    if len(array) != len(item_ids):
        raise DataError(
            f"{path}: {counted(len(array), 'row')}, but {counted(len(item_ids), 'item')}; give one row for each item, "
            "in the order of the items, or a .npz or .parquet file with ids"
        )
    for start in range(0, len(array), _ROWS):
        block = array[start : start + _ROWS]
        rows = range(start, start + len(block))
        yield np.array(rows), _finite(path, block, "row {}, counted from 0", rows)


def _npz(path: Path, item_ids: Sequence[str]) -> Iterator[Block]:
    with np.load(path, allow_pickle=False) as arrays:
        for name in ("ids", "vectors"):
            if name not in arrays:
                raise DataError(
                    f"{path}: no array '{name}' (there are: {', '.join(arrays) or 'none'}); write it with "
                    "numpy.savez(path, ids=ids, vectors=vectors)"
                )
        ids, vectors = arrays["ids"], arrays["vectors"]
    _check_shape(path, vectors)
    if ids.ndim != 1 or ids.dtype.kind not in "Uiu" or len(ids) != len(vectors):
        raise DataError(
            f"{path}: 'ids' is {ids.dtype} of shape {ids.shape} for {len(vectors):,} vectors; give one string for each"
        )
    names = [str(name) for name in ids.tolist()]
    blocks = ((names[i : i + _ROWS], vectors[i : i + _ROWS]) for i in range(0, len(names), _ROWS))
    yield from _pick(path, item_ids, blocks)


def _parquet(path: Path, item_ids: Sequence[str]) -> Iterator[Block]:
    parquet = require("pyarrow.parquet", "pip install pyarrow")
    with parquet.ParquetFile(path) as file:
        names: list[str] = file.schema_arrow.names
        column = next((name for name in _ID_COLUMNS if name in names), None)
        if column is None or len(names) < 2:
            raise DataError(
                f"{path}: columns {', '.join(names)}; name the one of item ids {_ID_COLUMNS[0]} and put the "
                "vectors into one column of lists, or a column for each dimension"
            )
        others = [name for name in names if name != column]
        yield from _pick(path, item_ids, _batches(file, column, others, path))


def _batches(file: Any, column: str, others: list[str], path: Path) -> Iterator[tuple[list[str], NDArray[Any]]]:
    """Ids and vectors of the rows that have both, some rows at a time."""
    types = require("pyarrow", "pip install pyarrow").types
    for batch in file.iter_batches(batch_size=_ROWS, use_threads=False):
        values, ids = batch.column(others[0]), batch.column(column).to_pylist()
        if len(others) == 1 and any(
            is_list(values.type) for is_list in (types.is_list, types.is_large_list, types.is_fixed_size_list)
        ):
            ids = [name for name, there in zip(ids, values.is_valid().to_pylist(), strict=True) if there]
            values = values.drop_null()
            lengths = sorted({len(value) for value in values}) or [0]
            if len(lengths) > 1:
                raise DataError(f"{path}: lists of {lengths[0]} and of {lengths[-1]} values; give one length")
            vectors = values.flatten().to_numpy(zero_copy_only=False).reshape(len(ids), lengths[0])
        else:
            vectors = np.stack([batch.column(name).to_numpy(zero_copy_only=False) for name in others], axis=1)
        if None in ids:
            raise DataError(f"{path}: a row has no '{column}'; fill it in or delete the row")
        if ids:
            yield [str(name) for name in ids], vectors


def _pick(path: Path, item_ids: Sequence[str], batches: Iterator[tuple[list[str], NDArray[Any]]]) -> Iterator[Block]:
    """The rows of the items, as they come."""
    place = {name: row for row, name in enumerate(item_ids)}
    seen = np.zeros(len(item_ids), dtype=np.int64)
    dim = 0
    for ids, values in batches:
        _check_shape(path, values)
        dim = dim or values.shape[1]
        if values.shape[1] != dim:
            raise DataError(f"{path}: vectors of {dim} and of {values.shape[1]} values; give one length")
        wanted = np.array([row for row, name in enumerate(ids) if name in place], dtype=np.int64)
        rows = np.array([place[ids[row]] for row in wanted], dtype=np.int64)
        seen += np.bincount(rows, minlength=len(item_ids))
        if seen.max(initial=0) > 1:
            raise DataError(
                f"{path}: the item {item_ids[int(seen.argmax())]!r} occurs a second time; keep one row for each item"
            )
        yield rows, _finite(path, values[wanted], "that of item {!r}", [ids[row] for row in wanted])
    if not seen.any():
        raise DataError(
            f"{path} has none of the {len(item_ids):,} items (the first is {next(iter(item_ids), '')!r}). Item ids are "
            "compared as text, so '7' and '007' differ: use the same ids as in the interactions"
        )


_READERS = {".npy": _npy, ".npz": _npz, ".parquet": _parquet}


def _check_shape(path: Path, array: NDArray[Any]) -> None:
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "fiu":
        raise DataError(
            f"{path}: expected real numbers of shape [items, dimensions], found {array.dtype} of shape {array.shape}"
        )


def _finite(path: Path, values: NDArray[Any], called: str, names: Sequence[Any]) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        vectors: FloatArray = np.asarray(values).astype(np.float32)
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise DataError(
            f"{path}: {counted(int((~finite).sum()), 'vector holds', 'vectors hold')} NaN, infinite or too large "
            f"values (the first is {called.format(names[int(finite.argmin())])}); leave out the items that have none, "
            "or write zeros"
        )
    return vectors
