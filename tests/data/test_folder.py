import errno
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from brmrs_graph.data import read_folder
from brmrs_graph.data.encoders import Progress, registry
from brmrs_graph.data.encoders.image import load_picture
from brmrs_graph.data.folder import read_array
from brmrs_graph.errors import DataError

HEADER = "userID\titemID\tx_label\n"


def write(
    root: Path,
    inter: str,
    *,
    arrays: Mapping[str, np.ndarray] | None = None,
    items: str | None = None,
    pictures: Iterable[str] = (),
) -> Path:
    folder = root / "shop"
    folder.mkdir()
    (folder / "shop.inter").write_text(inter, encoding="utf-8")
    for name, x in (arrays or {}).items():
        np.save(folder / f"{name}_feat.npy", x)
    if items is not None:
        (folder / "items.csv").write_text(items, encoding="utf-8")
    for shade, name in enumerate(pictures):
        (folder / "images").mkdir(exist_ok=True)
        Image.new("RGB", (4, 4), (shade, 0, 0)).save(folder / "images" / f"{name}.png")
    return folder


def message(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_folder(folder)
    text = str(caught.value)
    assert "\n" not in text
    return text


class FakeEncoder:
    """One number per input, in the order of encoding, counted from 1."""

    dim = 2

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[object] = []

    def fingerprint(self) -> str:
        return self.name.ljust(64, "0")

    def encode(self, inputs: Sequence[object], progress: Progress | None = None) -> np.ndarray:
        start = len(self.asked) + 1
        self.asked += inputs
        return np.array([[start + i, -1] for i in range(len(inputs))], dtype=np.float32)


@pytest.fixture
def encoders(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeEncoder]:
    made = {"text": FakeEncoder("text"), "image": FakeEncoder("image")}
    monkeypatch.setattr(registry, "text_encoder", lambda name: made["text"])
    monkeypatch.setattr(registry, "image_encoder", lambda name: made["image"])
    return made


# --- what is read


def test_x_label_decides_the_split(tmp_path: Path) -> None:
    folder = write(tmp_path, HEADER + "0\t0\t0\n0\t1\t1\n0\t2\t2\n1\t2\t0\n")
    data = read_folder(folder)
    assert data.counts() == {"users": 2, "items": 3, "train": 2, "valid": 1, "test": 1}
    assert data.train.toarray().tolist() == [[1, 0, 0], [0, 0, 1]]
    assert data.valid.toarray().tolist() == [[0, 1, 0], [0, 0, 0]]
    assert data.test.toarray().tolist() == [[0, 0, 1], [0, 0, 0]]
    assert data.train_edges.tolist() == [[0, 1], [0, 2]]
    assert (data.name, data.notes, data.synthetic) == ("shop", (), False)


def test_further_columns_and_their_order_do_not_matter(tmp_path: Path) -> None:
    folder = write(tmp_path, "rating\titemID\tx_label\tuserID\ttimestamp\n5\t1\t0\t0\t99\n3\t0\t2\t0\t98\n")
    data = read_folder(folder)
    assert data.train.toarray().tolist() == [[0, 1]]
    assert data.test.toarray().tolist() == [[1, 0]]


def test_without_x_label_each_user_is_split_by_the_rule_and_a_note_says_so(tmp_path: Path) -> None:
    pairs = "".join(f"{user}\t{item}\n" for user in range(3) for item in range(20))
    folder = write(tmp_path, "userID\titemID\n" + pairs)
    data = read_folder(folder)
    for split, expected in (("train", 16), ("valid", 2), ("test", 2)):
        assert np.diff(data.split(split).indptr).tolist() == [expected] * 3
    assert (data.train + data.valid + data.test).toarray().tolist() == [[1] * 20] * 3
    (note,) = data.notes
    assert "no x_label" in note and "at random" in note
    assert read_folder(folder).content_hash == data.content_hash, "the seed is fixed"


def test_every_feature_file_is_a_modality_under_its_name(tmp_path: Path) -> None:
    arrays = {name: np.full((2, i + 1), i + 1.0) for i, name in enumerate(("tags", "audio", "text", "image"))}
    data = read_folder(write(tmp_path, HEADER + "0\t0\t0\n0\t1\t2\n", arrays=arrays))
    assert data.modalities == ("visual", "textual", "acoustic", "tags")
    for modality, file in zip(data.modalities, ("image", "text", "audio", "tags"), strict=True):
        assert data.features[modality].dtype == torch.float32
        np.testing.assert_array_equal(data.features[modality].numpy(), arrays[file])


def test_rows_of_zeros_are_marked_missing(tmp_path: Path) -> None:
    x = np.array([[0, 0], [0, 1e-20], [3, 0]])
    data = read_folder(write(tmp_path, HEADER + "0\t0\t0\n0\t2\t2\n", arrays={"image": x}))
    assert data.missing["visual"].tolist() == [True, False, False]


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32, np.uint8])
def test_features_of_every_real_type_become_float32(tmp_path: Path, dtype: type) -> None:
    data = read_folder(write(tmp_path, HEADER + "0\t0\t0\n", arrays={"image": np.array([[1, 2]], dtype=dtype)}))
    assert data.features["visual"].dtype == torch.float32
    assert data.features["visual"].tolist() == [[1, 2]]


def test_features_are_not_even_opened_when_none_are_asked_for(tmp_path: Path) -> None:
    folder = write(tmp_path, HEADER + "0\t0\t0\n", items="itemID,title\n0,hat\n")
    (folder / "image_feat.npy").write_bytes(b"no array")
    data = read_folder(folder, features=False)
    assert data.modalities == ()
    assert data.texts == ["hat."]


@pytest.mark.parametrize("refused", [None, "c"])
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
def test_an_array_of_single_precision_stays_in_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str | None
) -> None:
    """``refused``: a way to map that Linux refuses for a file larger than memory."""
    whole = np.lib.format.open_memmap

    def open_memmap(path: Path, mode: str) -> np.ndarray:
        if mode == refused:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        return whole(path, mode=mode)

    monkeypatch.setattr(np.lib.format, "open_memmap", open_memmap)
    path = tmp_path / "image_feat.npy"
    saved = np.arange(1, 7, dtype=np.float32).reshape(3, 2)
    np.save(path, saved)
    x = read_array(path)
    assert isinstance(x.base, np.memmap)
    np.testing.assert_array_equal(x, saved)
    assert x.flags.writeable == (refused is None)
    if x.flags.writeable:
        x[1] = 0
        np.testing.assert_array_equal(np.load(path), saved, "what is written to the array is not in the file")


@pytest.mark.parametrize("x", [np.asfortranarray(np.eye(3, 2, dtype=np.float32)), np.eye(3, 2, dtype=">f4")])
def test_other_arrays_become_rows_of_single_precision_in_memory(tmp_path: Path, x: np.ndarray) -> None:
    np.save(tmp_path / "image_feat.npy", x)
    found = read_array(tmp_path / "image_feat.npy")
    assert found.dtype == np.dtype(np.float32) and found.flags.c_contiguous and not isinstance(found.base, np.memmap)
    np.testing.assert_array_equal(found, x)


def test_an_array_is_preferred_to_encoding_and_only_what_lacks_one_is_encoded(
    tmp_path: Path, encoders: dict[str, FakeEncoder]
) -> None:
    folder = write(
        tmp_path,
        HEADER + "0\t0\t0\n0\t1\t2\n",
        arrays={"image": np.ones((2, 5))},
        items="itemID,title\n0,hat\n1,bag\n",
        pictures=["0"],
    )
    data = read_folder(folder)
    assert data.features["visual"].shape == (2, 5)
    assert encoders["image"].asked == []
    assert encoders["text"].asked == ["hat.", "bag."]
    assert data.features["textual"].tolist() == [[1, -1], [2, -1]]


def test_texts_and_pictures_are_encoded_in_item_order_with_zeros_where_there_are_none(
    tmp_path: Path, encoders: dict[str, FakeEncoder]
) -> None:
    folder = write(
        tmp_path, HEADER + "0\t0\t0\n0\t2\t2\n", items="itemID,title\n2,bag\n1,\n0,hat\n", pictures=["1", "2"]
    )
    data = read_folder(folder)
    assert data.item_ids == ["0", "1", "2"]
    assert data.texts == ["hat.", "", "bag."]
    assert encoders["text"].asked == ["hat.", "bag."]
    assert data.features["textual"].tolist() == [[1, -1], [0, 0], [2, -1]]
    assert data.features["visual"].tolist() == [[0, 0], [1, -1], [2, -1]]
    assert data.missing["visual"].tolist() == [True, False, False]
    assert data.pictures is not None
    assert [path and path.name for path in data.pictures] == [None, "1.png", "2.png"]


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Eyes(FakeEncoder):
        def encode(self, inputs: Sequence[object], progress: Progress | None = None) -> np.ndarray:
            for path in inputs:
                load_picture(Path(str(path)))
            return super().encode(inputs, progress)

    monkeypatch.setattr(registry, "image_encoder", lambda name: Eyes("eyes"))
    folder = write(tmp_path, HEADER + "0\t0\t0\n0\t1\t2\n", pictures=["0", "1"])
    (folder / "images" / "1.png").write_bytes(b"half a picture")
    text = message(folder)
    assert str(folder / "images" / "1.png") in text and "Replace it" in text


# --- ids


def test_numbers_are_their_own_index(tmp_path: Path) -> None:
    data = read_folder(write(tmp_path, HEADER + "3\t10\t0\n"))
    assert data.counts() == {"users": 4, "items": 11, "train": 1, "valid": 0, "test": 0}
    assert data.train[3, 10] == 1
    assert (data.user_ids[3], data.item_ids[10]) == ("3", "10")


def test_names_keep_leading_zeros_and_unicode_and_are_numbered_in_order(tmp_path: Path) -> None:
    data = read_folder(write(tmp_path, HEADER + "007\tπ\t0\n7\tB 1\t0\nÄrger\tB 1\t0\n7\t東京\t2\n"))
    assert data.user_ids == ["007", "7", "Ärger"]
    assert data.item_ids == ["B 1", "π", "東京"]
    assert data.train.toarray().tolist() == [[0, 1, 0], [1, 0, 0], [1, 0, 0]]
    assert data.test.toarray().tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 0]]


def test_words_that_pandas_takes_for_missing_values_are_ids(tmp_path: Path) -> None:
    data = read_folder(write(tmp_path, HEADER + "NA\tnull\t0\nNone\tnan\t0\n"))
    assert data.user_ids == ["NA", "None"]
    assert data.item_ids == ["nan", "null"]


def test_the_lines_of_items_csv_are_the_indices_of_named_items(tmp_path: Path) -> None:
    x = np.array([[1.0], [2.0], [3.0]])
    folder = write(tmp_path, HEADER + "u\ta\t0\nu\tz\t2\n", items="itemID\nz\nm\na\n", arrays={"image": x})
    data = read_folder(folder)
    assert data.item_ids == ["z", "m", "a"]
    assert data.train.toarray().tolist() == [[0, 0, 1]]
    assert data.test.toarray().tolist() == [[1, 0, 0]]
    assert data.features["visual"].flatten().tolist() == [1, 2, 3], "row i is line i of items.csv"


def test_items_csv_may_be_longer_than_the_interactions(tmp_path: Path) -> None:
    items = "itemID\n" + "".join(f"{i}\n" for i in range(6))
    data = read_folder(write(tmp_path, HEADER + "0\t1\t0\n", items=items, arrays={"image": np.ones((6, 2))}))
    assert data.num_items == 6
    assert data.item_ids == ["0", "1", "2", "3", "4", "5"]


def test_the_catalogue_is_the_same_with_and_without_features(tmp_path: Path) -> None:
    items = "itemID\n" + "".join(f"{i}\n" for i in range(6))
    folder = write(tmp_path, HEADER + "0\t1\t0\n", items=items, arrays={"image": np.ones((6, 2))})
    assert read_folder(folder, features=False).num_items == read_folder(folder).num_items


def test_files_from_spreadsheets_with_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    folder = write(tmp_path, "", items="\ufeffitemID,title\r\nb,hat\r\na,bag\r\n")
    (folder / "shop.inter").write_bytes(("\ufeff" + HEADER + "u\ta\t0\n").replace("\n", "\r\n").encode())
    data = read_folder(folder, features=False)
    assert (data.item_ids, data.texts) == (["b", "a"], ["hat.", "bag."])
    assert data.train.toarray().tolist() == [[0, 1]]


# --- notes


def test_repeated_pairs_count_once_in_the_earliest_split_and_are_noted(tmp_path: Path) -> None:
    rows = "0\t0\t2\n0\t0\t0\n0\t1\t2\n0\t1\t1\n0\t2\t0\n0\t2\t0\n0\t3\t2\n"
    data = read_folder(write(tmp_path, HEADER + rows))
    assert data.train.toarray().tolist() == [[1, 0, 1, 0]]
    assert data.valid.toarray().tolist() == [[0, 1, 0, 0]]
    assert data.test.toarray().tolist() == [[0, 0, 0, 1]]
    (note,) = data.notes
    assert note.startswith("3 repeated user-item pairs")


def test_users_without_training_pairs_are_noted_and_not_evaluated(tmp_path: Path) -> None:
    data = read_folder(write(tmp_path, HEADER + "0\t0\t0\n0\t1\t2\n1\t0\t2\n1\t1\t1\n3\t1\t2\n"))
    assert data.num_users == 4
    assert np.diff(data.test.indptr).tolist() == [1, 0, 0, 0]
    assert np.diff(data.valid.indptr).tolist() == [0, 0, 0, 0]
    (note,) = data.notes
    assert note.startswith("2 users have no training interaction"), "user 2 has no interaction at all"


# --- what is refused


def test_a_missing_folder_or_interaction_file_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "absent" / "absent.inter") in message(tmp_path / "absent")
    (tmp_path / "bare").mkdir()
    assert str(tmp_path / "bare" / "bare.inter") in message(tmp_path / "bare")


@pytest.mark.parametrize(
    ("inter", "parts"),
    [
        ("user\titemID\n0\t0\n", ("userID is missing", "user, itemID", "header line")),
        ("userID\titem\n0\t0\n", ("itemID is missing", "header line")),
        ("userID,itemID\n0,0\n", ("userID is missing", "tabs")),
        ("", ("cannot be read", "header line")),
        (HEADER, ("no interactions",)),
        (HEADER + "0\t0\t0\n\t1\t0\n\t2\t0\n", ("no userID in line 3", "(2 in all)", "delete")),
        (HEADER + "0\t0\t0\n1\n", ("no itemID in line 3",)),
        ("\n" + HEADER + "\n0\t0\t0\n\n\n1\t\t0\n", ("no itemID in line 7",)),
        (HEADER + "0\t0\t0\n0\t1\t3\n", ("x_label '3' in line 3", "0 (train), 1 (valid), 2 (test)", "delete")),
        (HEADER + "0\t0\t\n", ("x_label '' in line 2",)),
        (HEADER + "0\t0\t1.0\n", ("x_label '1.0'",)),
        (HEADER + "-1\t0\t0\n", ("userID -1 is negative", "from 0")),
        (HEADER + "0\t-7\t0\n", ("itemID -7 is negative",)),
        (HEADER + "0\t5000000\t0\n", ("itemID 5000000 is out of range", "1 interaction;", "names")),
        (HEADER + f"{10**30}\t0\t0\n", (f"userID {10**30} is out of range",)),
        (HEADER + "0\t0\t0\n0\t1\t0\t9\n", ("cannot be read", "line 3", "tab-separated")),
        ("userID\titemID\n0\t7\t5.0\n1\t8\t4.0\n", ("more fields than the header",)),
        (HEADER + '"a\t0\t0\n', ("cannot be read",)),
    ],
)
def test_bad_interactions_are_refused_by_file_field_and_remedy(
    tmp_path: Path, inter: str, parts: tuple[str, ...]
) -> None:
    folder = write(tmp_path, inter)
    text = message(folder)
    for part in (str(folder / "shop.inter"), *parts):
        assert part in text


def test_interactions_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, "")
    (folder / "shop.inter").write_bytes(HEADER.encode() + "é\t0\t0\n".encode("latin-1"))
    assert "UTF-8" in message(folder)


@pytest.mark.parametrize(
    ("x", "parts"),
    [
        (np.ones((1, 3)), ("1 row, but 2 items", "shop.inter", "one row per item")),
        (np.ones((3, 3)), ("3 rows, but 2 items", "list all items in items.csv")),
        (np.array([[1.0, 2.0], [np.nan, 1.0]]), ("1 row holds NaN", "row 1, counted from 0", "write zeros")),
        (np.array([[-np.inf, 2.0], [np.nan, 1.0]]), ("2 rows hold NaN", "row 0")),
        (np.full((2, 2), 1e300), ("infinite",)),
        (np.ones(2), ("shape (2,)", "[items, dimensions]")),
        (np.ones((2, 2, 2)), ("shape (2, 2, 2)",)),
        (np.ones((2, 0)), ("shape (2, 0)",)),
        (np.ones((2, 2), dtype=complex), ("complex128",)),
        (np.array([["a"], ["b"]]), ("<U1",)),
    ],
)
@pytest.mark.filterwarnings("error")
def test_bad_features_are_refused_by_file_and_remedy(tmp_path: Path, x: np.ndarray, parts: tuple[str, ...]) -> None:
    folder = write(tmp_path, HEADER + "0\t0\t0\n0\t1\t2\n", arrays={"image": x})
    text = message(folder)
    for part in (str(folder / "image_feat.npy"), *parts):
        assert part in text


class Bomb:
    """Leaves a trace when it is unpickled."""

    exploded = False

    def __setstate__(self, state: object) -> None:
        Bomb.exploded = True


def test_pickled_features_are_refused_and_never_unpickled(tmp_path: Path) -> None:
    folder = write(tmp_path, HEADER + "0\t0\t0\n")
    bomb = Bomb()
    bomb.fuse = 1  # type: ignore[attr-defined]
    np.save(folder / "image_feat.npy", np.array([[bomb]], dtype=object), allow_pickle=True)
    text = message(folder)
    assert str(folder / "image_feat.npy") in text and "numpy.save" in text
    assert not Bomb.exploded
    np.load(folder / "image_feat.npy", allow_pickle=True)
    assert Bomb.exploded, "the file was one that could explode"


@pytest.mark.parametrize("keep", [0, 4, 60, 140])
def test_truncated_features_are_refused(tmp_path: Path, keep: int) -> None:
    folder = write(tmp_path, HEADER + "0\t0\t0\n", arrays={"image": np.ones((1, 4))})
    path = folder / "image_feat.npy"
    content = path.read_bytes()
    assert len(content) == 160
    path.write_bytes(content[:keep])
    text = message(folder)
    assert str(path) in text and "numpy.save" in text


def test_an_archive_under_the_name_of_an_array_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, HEADER + "0\t0\t0\n")
    with (folder / "image_feat.npy").open("wb") as file:
        np.savez(file, x=np.ones((1, 4)))
    assert "numpy.save" in message(folder)


def test_two_files_of_one_modality_are_refused(tmp_path: Path) -> None:
    x = np.ones((1, 2))
    text = message(write(tmp_path, HEADER + "0\t0\t0\n", arrays={"image": x, "visual": x}))
    assert "visual_feat.npy" in text and "keep one" in text


@pytest.mark.parametrize(
    ("items", "file", "parts"),
    [
        ("id,title\na,hat\n", "items.csv", ("column", "itemID", "comma")),
        ("", "items.csv", ("itemID",)),
        ("itemID,title\na,hat\na,bag\n", "items.csv", ("'a' occurs a second time", "line 3", "one row for each")),
        ("itemID,title\na,hat\n,bag\n", "items.csv", ("itemID is empty in line 3",)),
        ("itemID,title\nb,hat\n", "shop.inter", ("itemID 'a' (one of 1) is not in items.csv", "add it")),
        ("itemID,title\n0,hat\n1,bag\n", "shop.inter", ("itemID 'a'", "is not in items.csv")),
    ],
)
def test_bad_catalogues_are_refused_by_file_field_and_remedy(
    tmp_path: Path, items: str, file: str, parts: tuple[str, ...]
) -> None:
    folder = write(tmp_path, HEADER + "u\ta\t0\n", items=items)
    text = message(folder)
    for part in (str(folder / file), *parts):
        assert part in text


def test_more_feature_rows_than_the_catalogue_lists_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, HEADER + "u\ta\t0\n", items="itemID\na\nb\n", arrays={"text": np.ones((3, 2))})
    assert "3 rows, but 2 items (counted in items.csv)" in message(folder)


def test_a_number_that_the_catalogue_does_not_list_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, HEADER + "0\t2\t0\n", items="itemID\n0\n1\n")
    assert "itemID '2'" in message(folder)
