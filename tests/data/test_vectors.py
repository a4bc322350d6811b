import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brmrs_graph.data.encoders import encode_items, image_encoder, read_vectors, text_encoder
from brmrs_graph.data.encoders import vectors as vectors_module
from brmrs_graph.errors import DataError

IDS = ["007", "7", "größe", "b", "a"]
X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)

Write = Callable[[Path, Sequence[str], np.ndarray], None]


def write_npz(path: Path, ids: Sequence[str], x: np.ndarray) -> None:
    np.savez(path, ids=np.array(ids), vectors=x)


def write_parquet(path: Path, table: dict[str, object]) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table(table), path)


def write_lists(path: Path, ids: Sequence[str], x: np.ndarray) -> None:
    write_parquet(path, {"itemID": list(ids), "vector": [list(map(float, row)) for row in x]})


def write_columns(path: Path, ids: Sequence[str], x: np.ndarray) -> None:
    write_parquet(path, {"x0": x[:, 0], "id": list(ids), **{f"x{i}": x[:, i] for i in range(1, x.shape[1])}})


def refused(path: Path, message: str, ids: Sequence[str] = tuple(IDS)) -> None:
    with pytest.raises(DataError, match=message) as error:
        read_vectors(path, ids)
    assert str(path) in str(error.value)


WITH_IDS = [("v.npz", write_npz), ("v.parquet", write_lists), ("w.parquet", write_columns)]


@pytest.mark.parametrize(("name", "write"), WITH_IDS)
@pytest.mark.parametrize("rows", [2, 100])
def test_with_ids_the_order_is_that_of_the_items(
    tmp_path: Path, name: str, write: Write, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors_module, "_ROWS", rows)
    write(tmp_path / name, IDS, X)
    found = read_vectors(tmp_path / name, ["b", "missing", "7", "007"])
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [X[3], [0, 0, 0], X[1], X[0]])


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32])
def test_npy_is_in_row_order(tmp_path: Path, dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors_module, "_ROWS", 2)
    np.save(tmp_path / "v.npy", (10 * X).astype(dtype))
    np.testing.assert_array_equal(read_vectors(tmp_path / "v.npy", IDS), (10 * X).astype(dtype).astype(np.float32))
    refused(tmp_path / "v.npy", "5 rows, but 4 items", IDS[:4])


@pytest.mark.parametrize(("name", "write"), WITH_IDS)
def test_what_is_wrong_with_ids_is_told(
    tmp_path: Path, name: str, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    write(path, IDS, X)
    refused(path, r"has none of the 2 items \(the first is '8'\)", ["8", "0007"])
    write(path, ["a", "b", "a"], X[:3])
    refused(path, "'a' occurs a second time")
    monkeypatch.setattr(vectors_module, "_ROWS", 1)  # in another batch
    refused(path, "'a' occurs a second time")


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_values_must_be_finite(tmp_path: Path, bad: float) -> None:
    x = X.astype(np.float64)
    x[2, 1] = bad
    for name, write in WITH_IDS:
        write(tmp_path / name, IDS, x)
        refused(tmp_path / name, rf"1 vector holds NaN, infinite .* \(the first is that of item {IDS[2]!r}\)")
    np.save(tmp_path / "v.npy", x)
    refused(tmp_path / "v.npy", r"1 vector holds NaN, infinite .* \(the first is row 2, counted from 0\)")


def test_parquet_rows_without_a_vector_or_an_id(tmp_path: Path) -> None:
    write_parquet(tmp_path / "v.parquet", {"item_id": ["a", "b", "c"], "v": [[1.0, 2.0], None, [3.0, 4.0]]})
    np.testing.assert_array_equal(read_vectors(tmp_path / "v.parquet", ["c", "b", "a"]), [[3, 4], [0, 0], [1, 2]])
    write_parquet(tmp_path / "v.parquet", {"item_id": ["a", None], "v": [[1.0, 2.0], [3.0, 4.0]]})
    refused(tmp_path / "v.parquet", "a row has no 'item_id'")
    write_parquet(tmp_path / "v.parquet", {"item_id": ["a", "b"], "v": [[1.0, 2.0], [3.0]]})
    refused(tmp_path / "v.parquet", "lists of 1 and of 2 values")
    write_parquet(tmp_path / "v.parquet", {"item_id": [7, 8], "v": [[1.0], [3.0]]})  # numbers as ids
    np.testing.assert_array_equal(read_vectors(tmp_path / "v.parquet", ["8"]), [[3]])


def test_parquet_batches_of_different_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors_module, "_ROWS", 1)
    write_parquet(tmp_path / "v.parquet", {"id": ["a", "b"], "v": [[1.0, 2.0], [3.0]]})
    refused(tmp_path / "v.parquet", "vectors of 2 and of 1 values")


def test_other_forms_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "v.csv", r"read from \.npy, \.npz, \.parquet")
    refused(tmp_path / "absent.npy", r"is missing; give the file of the vectors as file:PATH")
    for x in (np.zeros(5), np.zeros((5, 0)), np.full((5, 2), "a"), np.zeros((5, 2), dtype=complex)):
        np.save(tmp_path / "v.npy", x)
        refused(tmp_path / "v.npy", "expected real numbers of shape")
    np.savez(tmp_path / "v.npz", vectors=X, names=np.array(IDS))
    refused(tmp_path / "v.npz", r"no array 'ids' \(there are: vectors, names\)")
    write_npz(tmp_path / "v.npz", IDS[:4], X)
    refused(tmp_path / "v.npz", "'ids' is .* of shape .* for 5 vectors")
    write_parquet(tmp_path / "v.parquet", {"name": IDS, "v": X[:, 0]})
    refused(tmp_path / "v.parquet", "columns name, v; name the one of item ids itemID")
    write_parquet(tmp_path / "v.parquet", {"id": IDS, "v": ["text"] * 5})
    refused(tmp_path / "v.parquet", "expected real numbers")
    write_parquet(tmp_path / "v.parquet", {"id": IDS, "v": [{"x": 1.0}] * 5})
    refused(tmp_path / "v.parquet", "expected real numbers")


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("unpickled",))


def test_nothing_is_unpickled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    objects = np.array([[Evil()]], dtype=object)
    np.save(tmp_path / "v.npy", objects, allow_pickle=True)
    refused(tmp_path / "v.npy", "cannot be read")
    np.savez(tmp_path / "v.npz", ids=objects[0], vectors=objects)
    refused(tmp_path / "v.npz", "cannot be read")
    assert capsys.readouterr().out == ""


def test_a_header_that_promises_too_much_costs_no_memory(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", X)
    whole = (tmp_path / "v.npy").read_bytes()
    shape, huge = b"(5, 3), }" + b" " * 13, b"(9999999999, 99999), }"
    assert shape in whole and len(shape) == len(huge)
    (tmp_path / "v.npy").write_bytes(whole.replace(shape, huge))
    refused(tmp_path / "v.npy", "cannot be read")
    write_npz(tmp_path / "v.npz", IDS, X)
    with zipfile.ZipFile(tmp_path / "v.npz", "w") as bundle:
        bundle.writestr("ids.npy", whole)
        bundle.writestr("vectors.npy", whole.replace(shape, huge))
    refused(tmp_path / "v.npz", "cannot be read")


def test_encode_items_takes_the_file_for_the_modality(tmp_path: Path) -> None:
    write_npz(tmp_path / "t.npz", IDS, X)
    np.save(tmp_path / "v.npy", X[:2])
    found = encode_items(
        tmp_path, ["a", "b"], text_encoder=f"file:{tmp_path / 't.npz'}", image_encoder=f"file:{tmp_path / 'v.npy'}"
    )
    np.testing.assert_array_equal(found["textual"].vectors, X[[4, 3]])
    np.testing.assert_array_equal(found["visual"].vectors, X[:2])
    assert encode_items(tmp_path, ["a"], text_encoder=f"file:{tmp_path / 't.npz'}", only=["visual"]) == {}


def test_a_file_is_no_encoder() -> None:
    for find in (text_encoder, image_encoder):
        with pytest.raises(DataError, match=r"'file:v\.npy' holds vectors of items and cannot encode others"):
            find("file:v.npy")


def check_mutation(folder: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["v.npy", "v.npz", "v.parquet", "w.parquet"]))
    if name == "v.npy":
        np.save(folder / name, X)
    else:
        dict(WITH_IDS)[name](folder / name, IDS, X)
    content = bytearray((folder / name).read_bytes())
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), max_size=4)):
        content[place % len(content)] = value
    kept = data.draw(st.sampled_from([len(content), len(content) // 2, 0]))
    (folder / name).write_bytes(content[:kept] + (data.draw(st.binary(max_size=200)) if not kept else b""))
    with suppress(DataError):
        assert read_vectors(folder / name, IDS).shape[0] == 5


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_damaged_files_end_cleanly(tmp_path: Path, data: st.DataObject) -> None:
    check_mutation(tmp_path, data)


@pytest.mark.slow
@settings(max_examples=10_000, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_many_damaged_files_end_cleanly(tmp_path: Path, data: st.DataObject) -> None:
    check_mutation(tmp_path, data)
