"""Described data sets that fetch themselves, from a web server on this machine."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from brmrs_graph.errors import BusyError, ConfigError, DataError
from brmrs_graph.lock import locked
from experiments import catalog, cli, prepare, run
from experiments.catalog import described
from experiments.fetch import fetch, fetched
from experiments.prepare import PrepareSettings
from tests.servers import Server, status, whole

Describe = Callable[..., str]

SHORT = ("--train.epochs", "2", "--train.batch-size", "64", "--model.dim", "4", "--model.k", "4")
FILES = ("shop.inter", "image_feat.npy", "text_feat.npy")


@pytest.fixture
def describe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Describe:
    """Writes the description of the data set shop, and gives it a cache of its own."""
    monkeypatch.setattr(catalog, "BUILT_IN", tmp_path / "described")
    monkeypatch.setenv("BRMRS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BRMRS_OFFLINE", raising=False)

    def written(*sources: dict[str, Any], **fields: Any) -> str:
        folder = tmp_path / "described" / "shop"
        folder.mkdir(parents=True, exist_ok=True)
        about = {"name": "shop", "by_hand": "Ask the shop.\nTwice.", "sources": list(sources), **fields}
        (folder / "dataset.yaml").write_text(yaml.safe_dump(about))
        return "shop"

    return written


def file(name: str, *urls: str, content: bytes | None = None) -> dict[str, Any]:
    """A file with these addresses and, where its content is given, the checksum and size of that."""
    known = {} if content is None else {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    return {"name": name, "urls": list(urls), **known}


def source(*files: dict[str, Any], name: str = "web", **more: Any) -> dict[str, Any]:
    return {"name": name, "gives": "the shop", "files": list(files), **more}


def shop_source(server: Server, shops: Path, **how: Any) -> dict[str, Any]:
    """The shop of these tests on the server, with its checksums."""
    content = {name: (shops / "shop" / name).read_bytes() for name in FILES}
    files = [file(name, server.serve(f"/{name}", whole(content[name], **how)), content=content[name]) for name in FILES]
    return source(*files, prepare={"layout": "mmrec", "split": "given"})


def below(folder: Path) -> list[str]:
    """The files in a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def fetch_shop(tmp_path: Path, name: str = "") -> Path:
    return fetch(described("shop"), tmp_path / "root" / "shop", name)[1]


# --- from the network to a trained model


def test_a_run_fetches_prepares_and_trains(
    describe: Describe, server: Server, shops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published = catalog.load("shop", shops, features=False)
    describe(shop_source(server, shops), counts={"users": 40, "items": 30}, split_hash=published.content_hash)
    root = tmp_path / "described"  # as without a root: beside the description
    card = (root / "shop" / "dataset.yaml").read_bytes()
    words = ["--dataset", "shop", "--data-root", str(root), *SHORT]
    assert cli.main(run.command, [*words, "--out", str(tmp_path / "one")]) == 0
    shown = capsys.readouterr().out
    assert "fetching shop from web: the shop\n" in shown and "note: not the data set" not in shown
    assert catalog.load("shop", root).modalities == ("visual", "textual")
    assert (root / "shop" / "dataset.yaml").read_bytes() == card
    assert (tmp_path / "one" / "metrics.json").is_file()
    assert [path for path, *_ in server.asked] == [f"/{name}" for name in FILES]
    assert cli.main(run.command, [*words, "--out", str(tmp_path / "two")]) == 0
    assert cli.main(prepare.command, ["--dataset", "shop", "--out", str(tmp_path / "other")]) == 0
    assert len(server.asked) == 3, "what was fetched is kept"


def test_another_data_set_than_the_described_one_is_told(
    describe: Describe, server: Server, shops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    describe(shop_source(server, shops), counts={"users": 41}, split_hash="0" * 16)
    remark = "40 users instead of 41. Results do not compare with published ones"
    root = str(tmp_path / "root")
    assert cli.main(prepare.command, ["--dataset", "shop", "--out", root]) == 0
    assert remark in capsys.readouterr().out
    words = ["--dataset", "shop", "--data-root", root, "--out", str(tmp_path / "run"), *SHORT]
    assert cli.main(run.command, words) == 0
    assert remark in capsys.readouterr().out


def test_a_run_whose_data_cannot_be_fetched_says_all_that_helps(
    describe: Describe, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone, down = server.serve("/gone", status(404)), server.serve("/down", status(503))
    describe(
        source(file("shop.inter", gone, down)),
        source(file("shop.csv", gone), name="copy"),
        source(file("raw.gz", gone), name="raw", gives="the raw files", by_name=True),
    )
    root = tmp_path / "root"
    root.mkdir()
    assert cli.main(run.command, ["--dataset", "shop", "--data-root", str(root), "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert error[error.index("error: ") :].splitlines() == [
        "error: data set 'shop' is not there and could not be fetched",
        f"looked for: {root / 'shop' / 'shop.inter'}",
        "sources, in the order in which they were tried:",
        "  web: shop.inter could not be fetched",
        "    127.0.0.1: HTTP 404 Not Found",
        "    127.0.0.1: HTTP 503 Service Unavailable (given up after 2 attempts)",
        "  copy: shop.csv could not be fetched",
        "    127.0.0.1: HTTP 404 Not Found",
        "by hand:",
        "  Ask the shop.",
        "  Twice.",
        f"with the raw files in a folder DIR: python -m experiments.prepare --dataset shop --from DIR --out {root}",
        f"instead, the raw files: python -m experiments.prepare --dataset shop --fetch raw --out {root}",
        "the built-in data set runs without anything: --dataset boutique",
    ]
    assert below(tmp_path) == ["described/shop/dataset.yaml"], "nothing is left behind"


# --- the raw files


def test_a_dropped_connection_is_resumed(describe: Describe, server: Server, tmp_path: Path) -> None:
    content = bytes(range(250)) * 4000
    describe(source(file("shop.inter", server.serve("/shop", whole(content, drop_after=400_000)), content=content)))
    folder = fetch_shop(tmp_path)
    assert folder == tmp_path / "cache" / "downloads" / "shop" / "web" and below(folder) == ["shop.inter"]
    assert (folder / "shop.inter").read_bytes() == content
    assert server.ranges == [None, "bytes=400000-", "bytes=800000-"]


def test_the_next_address_is_tried_and_then_the_next_source(describe: Describe, server: Server, tmp_path: Path) -> None:
    wrong, right = server.serve("/wrong", whole(b"wrong")), server.serve("/right", whole(b"right"))
    describe(
        source(file("a.csv", wrong, right, content=b"right"), file("b.csv", wrong, content=b"right"), name="first"),
        source(file("a.csv", wrong), name="by-name", by_name=True),
        source(file("a.csv", right, content=b"right"), name="second"),
    )
    folder = fetch_shop(tmp_path)
    assert folder.name == "second" and below(folder) == ["a.csv"]
    assert below(folder.parent / "first") == ["a.csv"], "what is right is kept, what is wrong is not"


def test_a_wrong_checksum_everywhere_ends_and_leaves_nothing(
    describe: Describe, server: Server, tmp_path: Path
) -> None:
    describe(source(file("a.csv", server.serve("/wrong", whole(b"wrong")), content=b"right")))
    with pytest.raises(DataError, match=r"127\.0\.0\.1: its sha256 is"):
        fetch_shop(tmp_path)
    assert below(tmp_path / "cache") == []


def test_a_source_is_taken_by_its_name(describe: Describe, server: Server, tmp_path: Path) -> None:
    url = server.serve("/a", whole(b"a"))
    describe(source(file("a.csv", url)), source(file("b.csv", url), name="other", by_name=True))
    assert below(fetch_shop(tmp_path, "other")) == ["b.csv"]
    with pytest.raises(ConfigError, match="'shop' has no source 'another'; its sources are: web, other"):
        fetch_shop(tmp_path, "another")


def packed(*names: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        for name in names:
            bundle.writestr(name, "content")
    return archive.getvalue()


@pytest.mark.parametrize(("names", "folder"), [(("a", "b"), "."), (("in/a", "in/b"), "in")])
def test_an_archive_is_unpacked_once(
    names: tuple[str, ...], folder: str, describe: Describe, server: Server, tmp_path: Path
) -> None:
    describe(source(file("all.zip", server.serve("/all", whole(packed(*names)))), archive=True))
    for _ in range(2):
        found = fetch_shop(tmp_path)
        (unpacked,) = (tmp_path / "cache" / "downloads" / "shop" / "web").glob("unpacked-*")
        assert found == unpacked / folder and below(found) == ["a", "b"]
    assert len(server.asked) == 1


def test_another_archive_is_unpacked_anew(describe: Describe, server: Server, tmp_path: Path) -> None:
    describe(source(file("all.zip", server.serve("/all", whole(packed("a")))), archive=True))
    old = fetch_shop(tmp_path)
    (old.parent / "all.zip").write_bytes(packed("b"))
    new = fetch_shop(tmp_path)
    assert below(new) == ["b"] and not old.exists()


@pytest.mark.parametrize("content", [packed("../../a"), packed("a")[:-30]], ids=["leads outside", "cut off"])
def test_an_archive_that_cannot_be_used_is_not_kept(
    content: bytes, describe: Describe, server: Server, tmp_path: Path
) -> None:
    describe(source(file("all.zip", server.serve("/all", whole(content))), archive=True))
    with pytest.raises(DataError, match=r"all\.zip (was not unpacked|is damaged)"):
        fetch_shop(tmp_path)
    assert below(tmp_path / "cache") == []


def test_offline_only_what_is_there_is_used(
    describe: Describe, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(source(file("a.csv", server.serve("/a", whole(b"a")))))
    monkeypatch.setenv("BRMRS_OFFLINE", "1")
    with pytest.raises(DataError, match=r"a\.csv is not there, and BRMRS_OFFLINE is set"):
        fetch_shop(tmp_path)
    assert server.asked == []
    monkeypatch.delenv("BRMRS_OFFLINE")
    fetch_shop(tmp_path)
    monkeypatch.setenv("BRMRS_OFFLINE", "1")
    assert below(fetch_shop(tmp_path)) == ["a.csv"]


def test_two_do_not_fetch_the_same_files_at_the_same_time(describe: Describe, server: Server, tmp_path: Path) -> None:
    describe(source(file("a.csv", server.serve("/a", whole(b"a")))))
    folder = tmp_path / "cache" / "downloads" / "shop" / "web"
    with locked(folder), pytest.raises(BusyError, match=r"another process works in .*/downloads/shop/web; run this"):
        fetch_shop(tmp_path)
    assert server.asked == [] and folder.is_dir()
    assert below(fetch_shop(tmp_path)) == ["a.csv"]


# --- the options


def test_the_description_gives_the_options_that_were_not_given(
    describe: Describe, server: Server, tmp_path: Path
) -> None:
    files = file("a.csv", server.serve("/a", whole(b"a")))
    describe(source(files, prepare={"layout": "own", "split": "time", "k_core": 5}))
    made = fetched(PrepareSettings(dataset="shop", out=tmp_path / "root", split="random"))
    assert made.source == tmp_path / "cache" / "downloads" / "shop" / "web"
    assert (made.layout, made.split, made.k_core, made.out) == ("own", "random", 5, tmp_path / "root")


@pytest.mark.parametrize(
    "option", [{"color": "red"}, {"k_core": "5"}, {"whiten": 1}, {"out": "/tmp"}, {"columns": {"user": "who"}}]
)
def test_wrong_options_of_a_description_are_named_before_anything_is_fetched(
    describe: Describe, server: Server, tmp_path: Path, option: dict[str, Any]
) -> None:
    describe(source(file("a.csv", server.base), prepare=option))
    with pytest.raises(
        DataError, match=rf"dataset\.yaml: source web asks for unknown options, .*: {next(iter(option))};"
    ):
        fetched(PrepareSettings(dataset="shop", out=tmp_path))
    assert server.asked == []


def test_nothing_is_fetched_for_an_encoder_that_cannot_be_used(
    describe: Describe, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    describe(source(file("a.csv", server.serve("/a", whole(b"a")))))
    words = ["--dataset", "shop", "--out", str(tmp_path / "root"), "--text-encoder", "file:no.npz"]
    assert cli.main(prepare.command, words) == 2 and server.asked == []
    assert capsys.readouterr().err == "error: no.npz is missing; give the file of the vectors as file:PATH\n"


def test_a_data_set_without_sources_needs_its_raw_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="where are the raw files of 'market'"):
        fetched(PrepareSettings(dataset="market", out=tmp_path))
