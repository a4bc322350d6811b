"""The best items of every user, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from tqdm import tqdm

from experiments.exporting.base import Export

_USERS = 1024
"""Users whose lists are made at once; memory is theirs."""


class Lists(Export):
    """``lists.parquet`` and ``lists.csv``: user_id, item_id, rank (from 1), score, and score_BRANCH of all others.

    Users come in the order of the data set. One with fewer items left than wanted has a shorter list.
    """

    def write(self, folder: Path) -> None:
        """Writes both files, block by block."""
        others = [name for name in self.model.names if name != self.options.branch]
        schema = pa.schema(
            [("user_id", pa.string()), ("item_id", pa.string()), ("rank", pa.int32()), ("score", pa.float32())]
            + [(f"score_{name}", pa.float32()) for name in others]
        )
        with (
            pa.parquet.ParquetWriter(folder / "lists.parquet", schema, compression="zstd") as parquet,
            pa.csv.CSVWriter(folder / "lists.csv", schema) as csv,
        ):
            for columns in self._blocks(others):
                table = pa.table(columns, schema=schema)
                parquet.write_table(table)
                csv.write_table(table)

    def _blocks(self, others: list[str]) -> Iterator[dict[str, Any]]:
        model, options = self.model, self.options
        starts = range(0, len(model.user_ids), _USERS)
        for start in tqdm(starts, desc="lists", unit="block", leave=False, disable=None):
            users = np.array(model.user_ids[start : start + _USERS], dtype=object)
            items, scores = model.recommend(users, options.n, options.branch, options.filter_seen)
            row, place = np.isfinite(scores).nonzero()  # a shorter list ends in None
            pairs = users[row], items[row, place]
            columns = {"user_id": pairs[0], "item_id": pairs[1], "rank": place + 1, "score": scores[row, place]}
            yield columns | {f"score_{name}": model.score(*pairs, branch=name) for name in others}
