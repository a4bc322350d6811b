"""Raw files of every layout, spoiled in the usual ways, from there to a trained model."""

import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from brmrs_graph.data import read_folder
from brmrs_graph.data.encoders import item_pictures
from brmrs_graph.data.preparation import read_manifest
from experiments import cli, prepare
from experiments.run import run
from experiments.settings import parse
from tests.data.raw import written
from tests.servers import Server, status, whole

Refuse = Callable[[Callable[[Sequence[str]], None], Sequence[str]], str]

ITEMS = [f"{number:010d}" for number in range(300)]
USERS = [*(f"{number:04d}" for number in range(30)), *(f"ÄRA 用户 {number}" for number in range(30))]
SHORT = ("--train.epochs", "2", "--train.batch-size", "256", "--model.dim", "4", "--model.k", "4")
OFFLINE = ("--text-encoder", "tfidf", "--image-encoder", "colors")

BROKEN = {
    "json": [b'{"reviewerID": "u", "asi', b"\xff\xfe{}", b"[]"],
    "table": [b"a line of a single value", b"\xff\xfe\tx\ty\tz"],
}


@pytest.fixture(autouse=True)
def larger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Sixty users with twelve of 300 items each, and a cache of the test's own."""
    rng = np.random.default_rng(0)
    pairs = [
        (user, ITEMS[item], int(rng.integers(1, 6)), 1_400_000_000 + 86_400 * int(rng.integers(500)))
        for user in USERS
        for item in rng.choice(len(ITEMS), 12, replace=False)
    ]
    for name, value in (("ITEMS", ITEMS), ("USERS", USERS), ("PAIRS", [*pairs, pairs[0]])):
        monkeypatch.setattr(written, name, value)
    monkeypatch.setenv("BRMRS_CACHE", str(tmp_path / "cache"))


def picture(item: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (int(item) % 256, int(item) // 2, 100)).save(file, "JPEG")
    return file.getvalue()


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    content = path.read_bytes()
    packed = path.suffix == ".gz"
    content = change(gzip.decompress(content) if packed else content)
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)


def spoil(folder: Path, server: Server) -> int:
    """Adds broken lines and repeated items, and puts pictures where they are said to be, but for every tenth.

    Returns:
        How many lines are broken.
    """
    lines = 0
    for path in sorted(
        path for path in folder.iterdir() if path.is_file() and path.suffix not in {".npy", ".b", ".parquet"}
    ):
        json_like = ".json" in path.name
        extra = BROKEN["json" if json_like else "table"]
        lines += len(extra)
        rewrite(
            path, lambda content, extra=extra: content + content.splitlines()[-1] + b"\n" + b"\n".join(extra) + b"\n"
        )
        rewrite(path, lambda content: re.sub(rb"https?://[a-z.]*example\.com", server.base.encode(), content))
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for address in {found.decode() for found in re.findall(rb"http://127[^\"', ]*?/[0-9]{10}[^\"', ]*", text)}:
            number = int(re.findall(r"[0-9]{10}", address)[0])
            content = picture(f"{number}")
            drop = len(content) // 2 if number % 10 == 5 else None  # the rest comes when it is asked for
            answer = whole(content, drop_after=drop) if number % 10 else status(404)
            server.serve(address.removeprefix(server.base), answer)
    for path in folder.rglob("*"):
        if path.suffix.lower() == ".jpg":
            path.write_bytes(picture(path.stem) if int(path.stem) % 10 else b"half")
    return lines


def prepared(folder: Path, out: Path, *options: str) -> tuple[Path, dict[str, Any]]:
    arguments = ["--dataset", "shop", "--from", str(folder), "--out", str(out), *OFFLINE, *options]
    assert cli.main(prepare.command, arguments) == 0
    return out / "shop", read_manifest(out / "shop")


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fetched."""
    monkeypatch.setattr("brmrs_graph.data.preparation.pipeline.collect_pictures", lambda *_, **__: 0)


@pytest.mark.parametrize("name", written.WRITERS)
def test_every_layout_from_raw_files_to_a_trained_model(name: str, server: Server, tmp_path: Path) -> None:
    layout, write = written.WRITERS[name]
    (tmp_path / "raw").mkdir()
    folder = write(tmp_path / "raw")
    broken = spoil(folder, server)
    options = () if name == "mmrec" else ("--split", "time", "--k-core", "2")
    made, manifest = prepared(folder, tmp_path / "out", *options)
    data = read_folder(made)

    assert manifest["layout"] == layout
    assert manifest["filters"][0]["pairs"] in {721, 722}, "the last line is there twice, but in Parquet"
    assert manifest["filters"][1]["pairs"] == 720
    counts = Counter({entry["reason"]: 0 for entry in manifest["broken"]})
    for entry in manifest["broken"]:
        counts[entry["reason"]] += entry["count"]
    skipped = sum(count for reason, count in counts.items() if not reason.startswith(("a picture", "an item")))
    torn = name == "own_csv"  # its last item takes two lines, and the second one alone is none
    assert skipped == broken + torn
    users, items = (USERS, ITEMS) if name != "mmrec" else (map(str, range(60)), map(str, range(300)))
    assert set(data.user_ids) == set(users) and set(data.item_ids) <= set(items)
    assert sum(data.split(split).nnz for split in ("train", "valid", "test")) == manifest["filters"][-1]["pairs"]
    if name not in {"mmrec", "recbole"}:
        assert counts["an item that was there before; the first one stays"] == (name not in {"own_csv", "own_parquet"})

    if data.pictures is not None:
        there = [path is not None for path in item_pictures(made, data.item_ids)]
        assert not any(there[row] for row, item in enumerate(data.item_ids) if int(item) % 10 == 0)
        assert sum(there) == manifest["items"]["pictures"] > 0
    modalities = {
        "grouplens": ("textual",),
        "mmrec": ("visual", "textual"),
        "own_json": ("textual",),
        "own_parquet": ("textual",),
        "recbole": ("textual",),
    }
    assert data.modalities == modalities.get(name, ("visual", "textual"))
    for modality, missing in data.missing.items():
        assert manifest["features"][modality]["lacking"] == int(missing.sum())

    where = ["--data-root", str(tmp_path / "out"), "--out", str(tmp_path / "run")]
    metrics = run(parse(["--dataset", "shop", *where, *SHORT]), quiet=True)
    assert metrics["training"]["epochs"] == 2 and 0 < metrics["test"]["recall@20"] <= 1


@pytest.mark.usefixtures("no_pictures")
def test_the_features_of_an_item_are_its_own(tmp_path: Path) -> None:
    """Rows follow the ids, whatever the order of interactions, items and vectors in their files."""
    folder = written.amazon2014(tmp_path)
    rewrite(folder / "meta_Clothing.json.gz", lambda content: b"\n".join(reversed(content.splitlines())))
    content = written.image_features(reversed(ITEMS[:290]))
    (folder / "image_features_Clothing.b").write_bytes(content)
    made, manifest = prepared(folder, tmp_path / "out", "--text-fields", "title")
    data = read_folder(made)
    assert data.item_ids[0] > data.item_ids[1], "in the order of the catalogue"
    for row, item in enumerate(data.item_ids):
        expected = int(item) + 1 if int(item) < 290 else 0
        assert data.features["visual"][row].unique().tolist() == [expected]
        assert data.texts is not None and data.texts[row].startswith(written.title(item)[:14])
    assert manifest["features"]["visual"]["from"] == "image_features_Clothing.b"
    assert manifest["features"]["visual"]["lacking"] == sum(int(item) >= 290 for item in data.item_ids)


def test_ids_that_look_like_numbers_are_found_again(tmp_path: Path) -> None:
    users = ["812733", "5", "-3", str(10**30)]
    items = ["0579541", "579541", "12", "99999999"]
    for leading_zeros in (True, False):
        folder = tmp_path / str(leading_zeros)
        folder.mkdir()
        there = items if leading_zeros else items[1:]
        pairs = [f"{user},{item}" for user in users for item in there]
        (folder / "sales.csv").write_text("\n".join(["user_id,item_id", *pairs]) + "\n")
        (folder / "things.csv").write_text("\n".join(["item_id,name", *(f"{item},thing" for item in there)]) + "\n")
        made, _ = prepared(folder, folder / "out")
        data = read_folder(made)
        assert (data.user_ids, data.item_ids) == (users, there)
        assert sum(data.split(split).nnz for split in ("train", "valid", "test")) == len(pairs)
        assert cli.main(prepare.command, ["--check", str(made)]) == 0


def test_vectors_of_a_file_are_read_by_id(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    folder = written.own_tsv(tmp_path / "raw")
    vectors = np.arange(1, 301, dtype=np.float32)[:, None] * np.ones((1, 12), dtype=np.float32)
    np.savez(tmp_path / "v.npz", ids=np.array(ITEMS[::-1]), vectors=vectors[::-1])
    made, manifest = prepared(folder, tmp_path / "out", "--image-encoder", f"file:{tmp_path / 'v.npz'}")
    data = read_folder(made)
    assert data.features["visual"][:, 0].tolist() == [int(item) + 1 for item in data.item_ids]
    assert manifest["features"]["visual"]["from"] == "v.npz"
    assert manifest["options"]["image_encoder"] == "file:v.npz"
    assert str(tmp_path) not in json.dumps(manifest)


# --- what is broken as a whole ends clearly and leaves nothing behind


def cut(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-40])


def short_array(folder: Path) -> None:
    np.save(folder / "image_feat.npy", np.ones((200, 4)))


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("amazon2014", cut("reviews_Clothing_5.json.gz"), "reviews_Clothing_5.json.gz is cut off"),
        ("amazon2018", cut("meta_Clothing.json.gz"), "meta_Clothing.json.gz is cut off"),
        ("amazon2014", cut("image_features_Clothing.b"), "image_features_Clothing.b is cut off"),
        ("own_parquet", cut("events.parquet"), "events.parquet cannot be read as Parquet"),
        ("mmrec", short_array, "image_feat.npy has 200 rows, and none for item"),
    ],
)
def test_damaged_files_end_with_one_message_and_no_data_set(
    name: str,
    damage: Callable[[Path], None],
    message: str,
    tmp_path: Path,
    refuse: Refuse,
) -> None:
    (tmp_path / "raw").mkdir()
    folder = written.WRITERS[name][1](tmp_path / "raw")
    damage(folder)
    out = tmp_path / "out"
    assert message in refuse(prepare.command, ["--dataset", "shop", "--from", str(folder), "--out", str(out), *OFFLINE])
    assert not (out / "shop").exists()
