"""What is kept of a data set beside the vectors of a model, so that the model can be asked without it.

::

    users.parquet    user_id, and items: the rows of items.parquet that are the user's training items
    items.parquet    item_id, and text: what the data set says of the item, null where it says nothing

Row i is user or item i of the vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import CheckpointError, DataError
from brmrs_graph.files import write_bytes

USERS, ITEMS = "users.parquet", "items.parquet"
_REMEDY = "start the run anew with another --out"


@dataclass(frozen=True)
class KeptData:
    """Original ids, training interactions and texts.

    Args:
        user_ids: Length |U|, all different.
        item_ids: Length |I|, all different.
        train: Training interactions, binary CSR matrix, shape [|U|, |I|].
        texts: Text of every item (None where it has none), where there are any.
    """

    user_ids: Sequence[str]
    item_ids: Sequence[str]
    train: sp.csr_matrix
    texts: Sequence[str | None] | None = None

    @classmethod
    def of(cls, data: MultimodalDataset) -> KeptData:
        """What is kept of a data set; users and items without ids are numbered from 0."""
        users, items = (
            list(ids) or [str(number) for number in range(size)]
            for ids, size in zip((data.user_ids, data.item_ids), data.train.shape, strict=True)
        )
        return cls(users, items, data.train, None if data.texts is None else [text or None for text in data.texts])

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether both files are in a folder."""
        return (folder / USERS).is_file() and (folder / ITEMS).is_file()

    def write(self, folder: Path) -> None:
        """Writes both files, each in one step; needs pyarrow.

        Raises:
            DataError: If pyarrow is not installed.
        """
        pa = _arrow()
        text = pa.array(self.texts if self.texts is not None else [None] * len(self.item_ids), pa.string())
        _write(folder / ITEMS, pa.table({"item_id": pa.array(self.item_ids, pa.string()), "text": text}))
        train = self.train.sorted_indices()
        items = pa.ListArray.from_arrays(
            pa.array(train.indptr.astype(np.int32)), pa.array(train.indices.astype(np.int32))
        )
        _write(folder / USERS, pa.table({"user_id": pa.array(self.user_ids, pa.string()), "items": items}))

    @classmethod
    def read(cls, folder: Path) -> KeptData:
        """Reads what :meth:`write` wrote.

        Raises:
            CheckpointError: If a file is missing, damaged or of something else; the message says what to do.
            DataError: If pyarrow is not installed.
        """
        _arrow()
        items = _read(folder / ITEMS, lambda table: (table["item_id"].to_pylist(), table["text"].to_pylist()))
        users = _read(
            folder / USERS,
            lambda table: (
                table["user_id"].to_pylist(),
                table["items"].combine_chunks().offsets.to_numpy(),
                table["items"].combine_chunks().values.to_numpy(),
            ),
        )
        for path, ids in ((folder / ITEMS, items[0]), (folder / USERS, users[0])):
            if None in ids or len(set(ids)) < len(ids):
                raise CheckpointError(f"{path} has ids that are empty or occur twice; {_REMEDY}")
        indptr, columns = (x.astype(np.int64) for x in users[1:])
        if columns.size and not 0 <= columns.min() <= columns.max() < len(items[0]):
            raise CheckpointError(f"{folder / USERS} names items that {folder / ITEMS} does not have; {_REMEDY}")
        train = sp.csr_matrix(
            (np.ones(columns.size, dtype=np.float32), columns, indptr), shape=(len(users[0]), len(items[0]))
        )
        return cls(users[0], items[0], train, items[1] if any(items[1]) else None)


def _arrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(f"{USERS} and {ITEMS} of a run folder need the package pyarrow: pip install pyarrow") from error
    return pyarrow


def _write(path: Path, table: Any) -> None:
    sink = _arrow().BufferOutputStream()
    _arrow().parquet.write_table(table, sink, compression="zstd")
    write_bytes(path, sink.getvalue().to_pybytes())


def _read(path: Path, columns: Callable[[Any], Any]) -> Any:
    if not path.is_file():
        raise CheckpointError(
            f"{path} is missing: {path.parent} is no run folder, its run is not finished, or it was made before ids "
            "were kept. `python -m experiments.run`, given the run's options, --out and --resume, brings it to its end "
            "and adds what is missing; a finished one is not trained again"
        )
    try:
        return columns(_arrow().parquet.read_table(path, memory_map=False))
    except Exception as error:  # what pyarrow raises for damaged files has no common class
        raise CheckpointError(f"{path} cannot be read ({error!r}); {_REMEDY}") from error
