from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import CheckpointError
from brmrs_graph.serving import KeptData


def test_ids_texts_and_interactions_come_back_as_they_were(data: MultimodalDataset, tmp_path: Path) -> None:
    assert not KeptData.is_in(tmp_path)
    KeptData.of(data).write(tmp_path)
    assert KeptData.is_in(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["items.parquet", "users.parquet"], (
        "nothing half-written"
    )
    kept = KeptData.read(tmp_path)
    assert list(kept.user_ids) == list(data.user_ids) and list(kept.item_ids) == list(data.item_ids)
    assert kept.texts is not None and data.texts is not None
    assert kept.texts[0] is None and list(kept.texts[1:]) == list(data.texts[1:])
    assert kept.train.shape == data.train.shape and (kept.train != data.train).nnz == 0
    assert kept.train.dtype == np.float32 and kept.train.has_sorted_indices


def test_data_without_ids_and_texts_are_numbered(data: MultimodalDataset, tmp_path: Path) -> None:
    KeptData.of(replace(data, user_ids=(), item_ids=(), texts=None)).write(tmp_path)
    kept = KeptData.read(tmp_path)
    assert kept.user_ids[:2] == ["0", "1"] and kept.item_ids[-1] == "199" and kept.texts is None


def test_the_tables_can_be_read_by_others(data: MultimodalDataset, tmp_path: Path) -> None:
    KeptData.of(data).write(tmp_path)
    users, items = (pq.read_table(tmp_path / f"{side}.parquet").to_pylist() for side in ("users", "items"))
    assert items[3] == {"item_id": data.item_ids[3], "text": f"text of {data.item_ids[3]}"}
    assert users[5] == {"user_id": data.user_ids[5], "items": data.train[[5]].indices.tolist()}


def write(folder: Path, users: dict, items: dict) -> None:
    pq.write_table(pa.table(users), folder / "users.parquet")
    pq.write_table(pa.table(items), folder / "items.parquet")


@pytest.mark.parametrize(
    ("users", "items", "file"),
    [
        ({"user_id": ["a"], "items": [[0]]}, {"item": ["x"]}, "items.parquet cannot be read"),
        ({"user_id": ["a"]}, {"item_id": ["x"], "text": [None]}, "users.parquet cannot be read"),
        ({"user_id": ["a"], "items": ["0"]}, {"item_id": ["x"], "text": [None]}, "users.parquet cannot be read"),
        ({"user_id": ["a"], "items": [[1]]}, {"item_id": ["x"], "text": [None]}, "users.parquet names items"),
        ({"user_id": ["a"], "items": [[-1]]}, {"item_id": ["x"], "text": [None]}, "users.parquet names items"),
        ({"user_id": ["a", "a"], "items": [[0], [0]]}, {"item_id": ["x"], "text": [None]}, "users.parquet has ids"),
        ({"user_id": ["a"], "items": [[0]]}, {"item_id": ["x", None], "text": [None] * 2}, "items.parquet has ids"),
    ],
)
def test_tables_of_something_else_are_named(users: dict, items: dict, file: str, tmp_path: Path) -> None:
    write(tmp_path, users, items)
    with pytest.raises(CheckpointError, match=file) as caught:
        KeptData.read(tmp_path)
    assert "--out" in str(caught.value)


def test_a_damaged_table_is_named_and_a_missing_one_told_with_its_remedy(
    data: MultimodalDataset, tmp_path: Path
) -> None:
    KeptData.of(data).write(tmp_path)
    path = tmp_path / "users.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match=r"users.parquet cannot be read"):
        KeptData.read(tmp_path)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"users.parquet is missing.*--resume"):
        KeptData.read(tmp_path)


def test_users_without_items_are_kept(tmp_path: Path) -> None:
    KeptData(["a", "b"], ["x"], sp.csr_matrix((2, 1), dtype=np.float32)).write(tmp_path)
    kept = KeptData.read(tmp_path)
    assert kept.train.shape == (2, 1) and kept.train.nnz == 0
