import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import yaml
from PIL import Image

from brmrs_graph.data import preparation, read_folder
from brmrs_graph.data.boutique import BoutiqueConfig, generate_boutique
from brmrs_graph.data.preparation import read_manifest
from brmrs_graph.data.raw import LAYOUTS
from experiments import cli, prepare
from experiments.prepare import Layout, PrepareSettings, command
from tests.servers import Server

Refuse = Callable[[Callable[[Sequence[str]], None], Sequence[str]], str]

pytestmark = pytest.mark.usefixtures("encoders")

SMALL = BoutiqueConfig(seed=3, n_items=20, n_users=20, max_pairs=15, picture_missing_share=0.1, text_empty_share=0.1)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """The folder that holds market/: named ids, texts, pictures, and no split."""
    folder = tmp_path / "raw" / "market"
    (folder / "images").mkdir(parents=True)
    items = ["hat, red", 'the "best"', "007", "東京", "spare"]
    pairs = [f"{user}\t{quoted}" for user in ("ann", "bob") for quoted in ("hat, red", '"the ""best"""', "007", "東京")]
    (folder / "market.inter").write_text("\n".join(["userID\titemID", *pairs, pairs[0]]) + "\n", encoding="utf-8")
    rows = ['"hat, red",warm', '"the ""best""",', "007,licensed", "東京,far", "spare,unused"]
    (folder / "items.csv").write_text("\n".join(["itemID,title", *rows]) + "\n", encoding="utf-8")
    for shade, item in enumerate(items[:4]):
        Image.new("RGB", (4, 4), (50 * shade, 0, 0)).save(folder / "images" / f"{item}.png")
    return folder.parent


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_is_prepared_reads_back_to_the_same_content(raw: Path, tmp_path: Path) -> None:
    assert prepare.prepare(PrepareSettings("market", raw, out=tmp_path / "out")) == tmp_path / "out" / "market"
    made = files_of(tmp_path / "out" / "market")
    tables = ("image_feat.npy", "items.csv", "manifest.json", "market.inter", "text_feat.npy", "users.csv")
    assert sorted(name for name in made if not name.startswith("images/")) == list(tables)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["market"]
    before, after = read_folder(raw / "market"), read_folder(tmp_path / "out" / "market")
    assert after.user_ids == before.user_ids == ["ann", "bob"]
    assert after.item_ids == before.item_ids == ["hat, red", 'the "best"', "007", "東京", "spare"]
    assert after.texts == before.texts
    assert after.pictures is not None and before.pictures is not None
    assert [path and path.read_bytes() for path in after.pictures] == [
        path and path.read_bytes() for path in before.pictures
    ]
    for split in ("train", "valid", "test"):
        assert after.split(split).nnz == before.split(split).nnz > 0
    assert ((after.train + after.valid + after.test) != (before.train + before.valid + before.test)).nnz == 0
    for modality in ("visual", "textual"):
        np.testing.assert_allclose(after.features[modality], before.features[modality], rtol=1e-3)
        assert after.missing[modality].equal(before.missing[modality])
        assert after.missing[modality].sum() == 1
    assert len(before.notes) == 2 and after.notes == (), "the split is drawn and repeated pairs are left out for good"


def test_the_account_tells_counts_what_was_encoded_what_is_missing_and_the_next_command(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main(command, ["--dataset", "market", "--from", str(raw), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert f"content hash {read_folder(out / 'market').content_hash}" in shown
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "read 2 4 9" in lines and "first of each pair 2 4 8 88.9%" in lines
    assert "5 items, 4 with a picture, 4 with a text of title" in lines
    assert "1 item of the catalogue has no interaction: kept" in lines
    assert "textual: 4 dimensions for 4 items, encoded by fake texts; 1 item lacks it" in lines
    assert lines[-1] == f"next: python -m experiments.run --dataset market --data-root {out}"


def test_the_raw_folder_may_be_given_itself(raw: Path, tmp_path: Path) -> None:
    for source, out in ((raw, "one"), (raw / "market", "two")):
        prepare.prepare(PrepareSettings("market", source, out=tmp_path / out))
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_a_split_and_arrays_that_are_there_are_taken(raw: Path, tmp_path: Path) -> None:
    folder = raw / "market"
    inter = "userID\titemID\tx_label\nann\t007\t0\nbob\t東京\t2\nann\t東京\t2\n"
    (folder / "market.inter").write_text(inter, encoding="utf-8")
    (folder / "items.csv").unlink()
    for item in ("hat, red", 'the "best"'):
        (folder / "images" / f"{item}.png").unlink()
    np.save(folder / "audio_feat.npy", np.array([[1e6, 1 / 3], [1e-20, 0]], dtype=np.float32))
    prepare.prepare(PrepareSettings("market", raw, out=tmp_path / "out"))
    made = files_of(tmp_path / "out" / "market")
    assert made["market.inter"] == inter.encode()
    assert made["audio_feat.npy"] == (folder / "audio_feat.npy").read_bytes()
    assert read_folder(tmp_path / "out" / "market").modalities == ("visual", "acoustic")
    assert read_manifest(tmp_path / "out" / "market")["features"]["acoustic"]["from"] == "audio_feat.npy"


def test_an_encoder_that_is_named_goes_before_the_arrays_of_the_source(raw: Path, tmp_path: Path) -> None:
    np.save(raw / "market" / "image_feat.npy", np.ones((5, 2)))
    for encoder, dim in ((None, 2), ("fake", 6)):
        folder = prepare.prepare(PrepareSettings("market", raw, out=tmp_path / f"{dim}", image_encoder=encoder))
        assert read_folder(folder).features["visual"].size(1) == dim


def test_two_preparations_give_identical_files(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for out in ("one", "two"):
        monkeypatch.setenv("BRMRS_CACHE", str(tmp_path / "cache" / out))
        prepare.prepare(PrepareSettings("market", raw, out=tmp_path / out))
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_the_built_in_data_set_is_generated_and_its_card_ends_with_the_sha256_of_every_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "generate_boutique", lambda: generate_boutique(SMALL))
    for out in ("one", "two"):
        prepare.prepare(PrepareSettings(out=tmp_path / out))
    made = files_of(tmp_path / "one" / "boutique")
    assert made == files_of(tmp_path / "two" / "boutique")
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["boutique"]
    assert sum(name.startswith("images/") for name in made) == 18
    digests = yaml.safe_load(made["dataset.yaml"])["sha256"]
    assert digests == {
        name: hashlib.sha256(made[name]).hexdigest()
        for name in ("boutique.inter", "items.csv", "attributes.csv", "image_feat.npy", "text_feat.npy")
    }
    assert np.load(tmp_path / "one" / "boutique" / "image_feat.npy").dtype == np.float16
    data = read_folder(tmp_path / "one" / "boutique")
    assert data.missing["visual"].sum() == data.missing["textual"].sum() == 2


def test_the_built_in_data_set_replaces_its_files_and_keeps_its_readme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "generate_boutique", lambda: generate_boutique(SMALL))
    folder = prepare.prepare(PrepareSettings(out=tmp_path))
    first = files_of(folder)
    (folder / "images" / "old.png").write_bytes(b"")
    (folder / "README.md").write_text("about it")
    prepare.prepare(PrepareSettings(out=tmp_path))
    assert files_of(folder) == first | {"README.md": b"about it"}


def test_the_layouts_that_can_be_asked_for_are_those_that_are_known() -> None:
    assert set(get_args(Layout)) == {"auto", *LAYOUTS}


def test_a_check_tells_which_prepared_files_were_changed(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], refuse: Refuse
) -> None:
    folder = prepare.prepare(PrepareSettings("market", raw, out=tmp_path / "out"))
    capsys.readouterr()
    assert cli.main(command, ["--check", str(folder)]) == 0
    assert "is not what" not in capsys.readouterr().out
    x = np.load(folder / "image_feat.npy")
    np.save(folder / "image_feat.npy", x[::-1])
    (folder / "images" / "007.png").unlink()
    (folder / "users.csv").unlink()
    assert cli.main(command, ["--check", str(folder)]) == 2
    shown = capsys.readouterr().out
    assert [
        name
        for name in ("image_feat.npy", "images/", "users.csv", "items.csv", "market.inter")
        if f"problem: {folder / name} is not what manifest.json says was prepared" in shown
    ] == ["image_feat.npy", "images/", "users.csv"]
    (folder / "manifest.json").write_text("{")
    assert "has one problem" in refuse(command, ["--check", str(folder)])


# --- what is refused


def test_a_source_that_is_not_there_is_named(tmp_path: Path, refuse: Refuse) -> None:
    error = refuse(command, ["--dataset", "market", "--from", str(tmp_path / "no"), "--out", str(tmp_path / "out")])
    assert str(tmp_path / "no") in error and "the folder that holds the raw files" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--form", "raw"), "--form"),
        (("--split", "tmie"), "tmie"),
        (("--layout", "amazon"), "amazon"),
        (("--k-core", "-1"), "the k of the k-core is -1"),
        (("--k-core", "5", "--unseen-items"), "a 5-core has no items without interactions"),
        (("--pca", "0"), "cannot be rotated to 0 dimensions"),
        (("--whiten",), "whitening needs the number of dimensions"),
        (("--split", "time"), "have no time"),
        (("--min-rating", "4"), "these interactions have no ratings"),
        (("--text-fields", "title", "colour"), "no text field colour"),
        (("--columns.user", "who", "--layout", "own"), "no column 'who' for the user"),
    ],
)
def test_wrong_options_are_named(
    raw: Path, tmp_path: Path, refuse: Refuse, options: tuple[str, ...], message: str
) -> None:
    out = tmp_path / "out"
    assert message in refuse(command, ["--dataset", "market", "--from", str(raw), "--out", str(out), *options])


def test_options_that_change_nothing_of_the_built_in_data_set_are_refused(tmp_path: Path, refuse: Refuse) -> None:
    error = refuse(command, ["--out", str(tmp_path / "out"), "--k-core", "5", "--pca", "4", "--text-encoder", "tfidf"])
    assert "--k-core would change nothing" in error and not (tmp_path / "out").exists()


def test_the_raw_folder_is_not_replaced(raw: Path, refuse: Refuse) -> None:
    before = files_of(raw)
    error = refuse(command, ["--dataset", "market", "--from", str(raw), "--out", str(raw)])
    assert "holds the raw files and would be replaced" in error
    assert files_of(raw) == before


def test_a_picture_that_cannot_be_read_is_counted_and_its_item_lacks_it(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (raw / "market" / "images" / "007.png").write_bytes(b"half a picture")
    folder = prepare.prepare(PrepareSettings("market", raw, out=tmp_path / "out"))
    assert "images: 1 × a picture that cannot be read (item 007)" in capsys.readouterr().out
    assert read_folder(folder).missing["visual"].tolist() == [False, False, True, False, True]


def test_pictures_outside_the_folder_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "shop"
    folder.mkdir(parents=True)
    for path in (tmp_path / "secret.png", folder / "inside.png"):
        Image.new("RGB", (4, 4)).save(path)
    places = [
        "../../secret.png",
        str(tmp_path / "secret.png"),
        "inside/../../../secret.png",
        "inside.png",
        "ftp://x/y.png",
    ]
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    items = [f"{number},{place}" for number, place in enumerate([*places, "link.png"])]
    (folder / "items.csv").write_text("\n".join(["item_id,picture", *items]) + "\n")
    pairs = [f"{user},{item}" for user in "abc" for item in range(6)]
    (folder / "sales.csv").write_text("\n".join(["user_id,item_id", *pairs]) + "\n")
    made = prepare.prepare(PrepareSettings("shop", folder, out=tmp_path / "out"))
    assert [path.name for path in (made / "images").iterdir()] == ["3.png"]
    broken = {entry["reason"]: entry["count"] for entry in read_manifest(made)["broken"]}
    assert broken == {"a picture outside the folder": 4, "a picture address that is not http(s)": 1}


def test_offline_no_picture_is_fetched(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "items.csv").write_text(f"item_id,picture\n1,{server.base}/1.png\n")
    (folder / "sales.csv").write_text("user_id,item_id\na,1\nb,1\n")
    monkeypatch.setenv("BRMRS_OFFLINE", "1")
    prepare.prepare(PrepareSettings("shop", folder, out=tmp_path / "out"))
    assert server.asked == []
    assert "images: 1 × a picture that was not fetched, since this is offline (item 1)" in capsys.readouterr().out


def test_control_c_says_that_the_same_command_goes_on_and_it_does(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    arguments = ["--dataset", "market", "--from", str(raw), "--out", str(tmp_path / "out")]
    with monkeypatch.context() as patched:
        patched.setattr(preparation.pipeline, "collect_pictures", interrupt)
        assert cli.main(command, arguments) == 130
    assert capsys.readouterr().err.endswith("stopped. the same command goes on where it was\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".market.part"]
    monkeypatch.setattr(preparation.pipeline, "collect_items", interrupt)  # done before
    assert cli.main(command, arguments) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["market"]


def test_what_was_broken_from_the_start_leaves_nothing_behind(raw: Path, tmp_path: Path, refuse: Refuse) -> None:
    (raw / "market" / "market.inter").write_text("userID\titemID\n" + "\ta\n" * 30)
    arguments = ["--dataset", "market", "--from", str(raw), "--out", str(tmp_path / "out")]
    assert "market.inter is mostly broken: 30 × without a user id" in refuse(command, arguments)
    assert not list((tmp_path / "out").iterdir())


def test_help_says_what_the_command_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        command(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    for part in ("--dataset", "--from", "--out", "--k-core", "--columns.user", "make encoders"):
        assert part in shown


def test_raw_files_without_a_name_do_not_become_the_boutique(refuse: Refuse, shops: Path, tmp_path: Path) -> None:
    message = refuse(prepare.command, ["--from", str(shops), "--out", str(tmp_path)])
    assert "name the one in --from with --dataset NAME" in message
    assert not list(tmp_path.iterdir())
