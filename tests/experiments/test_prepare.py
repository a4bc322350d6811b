import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from brmrs_graph.data import read_folder
from brmrs_graph.data.boutique import BoutiqueConfig, generate_boutique
from experiments import cli, prepare
from experiments.catalog import check_files, describe
from experiments.prepare import PrepareSettings, command

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
    assert prepare.prepare(PrepareSettings("market", raw, tmp_path / "out")) == tmp_path / "out" / "market"
    assert sorted(files_of(tmp_path / "out")) == [
        f"market/{name}" for name in ("dataset.yaml", "image_feat.npy", "items.csv", "market.inter", "text_feat.npy")
    ]
    about = describe(tmp_path / "out" / "market")
    assert about["encoders"] == {"text": "minilm", "image": "efficientnet-lite0"} and about["counts"]["items"] == 5
    check_files(tmp_path / "out" / "market", about)
    before, after = read_folder(raw / "market"), read_folder(tmp_path / "out" / "market")
    assert after.user_ids == before.user_ids == ["ann", "bob"]
    assert after.item_ids == before.item_ids == ["hat, red", 'the "best"', "007", "東京", "spare"]
    assert after.texts == before.texts
    for split in ("train", "valid", "test"):
        assert (after.split(split) != before.split(split)).nnz == 0 and after.split(split).nnz
    for modality in ("visual", "textual"):
        np.testing.assert_allclose(after.features[modality], before.features[modality], rtol=1e-3)
        assert after.missing[modality].equal(before.missing[modality])
        assert after.missing[modality].sum() == 1
    assert len(before.notes) == 2 and after.notes == (), "the split is drawn and repeated pairs are left out for good"


def test_the_summary_tells_the_notes_and_the_content_hash_that_runs_will_see(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(command, ["--dataset", "market", "--from", str(raw), "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert f"content hash {read_folder(tmp_path / 'out' / 'market').content_hash}" in shown
    assert "note: no x_label column" in shown and "note: 1 repeated user-item pairs" in shown
    assert f"written to {tmp_path / 'out' / 'market'}" in shown


def test_interactions_with_a_split_and_arrays_that_are_there_are_copied(raw: Path, tmp_path: Path) -> None:
    folder = raw / "market"
    inter = "userID\titemID\tx_label\nann\t007\t0\nbob\t東京\t2\nann\t東京\t2\n"
    (folder / "market.inter").write_text(inter, encoding="utf-8")
    (folder / "items.csv").unlink()
    for item in ("hat, red", 'the "best"'):
        (folder / "images" / f"{item}.png").unlink()
    np.save(folder / "audio_feat.npy", np.array([[1e6, 1 / 3], [1e-20, 0]], dtype=np.float32))
    prepare.prepare(PrepareSettings("market", raw, tmp_path / "out"))
    made = files_of(tmp_path / "out" / "market")
    assert sorted(made) == ["audio_feat.npy", "dataset.yaml", "image_feat.npy", "market.inter"]
    assert made["market.inter"] == inter.encode()
    assert made["audio_feat.npy"] == (folder / "audio_feat.npy").read_bytes()
    assert read_folder(tmp_path / "out" / "market").modalities == ("visual", "acoustic")


def test_preparing_in_place_keeps_the_pictures(raw: Path) -> None:
    pictures = files_of(raw / "market" / "images")
    prepare.prepare(PrepareSettings("market", raw, raw))
    assert files_of(raw / "market" / "images") == pictures
    assert (raw / "market" / "image_feat.npy").is_file()


def test_two_preparations_give_identical_files(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for out in ("one", "two"):
        monkeypatch.setenv("BRMRS_CACHE", str(tmp_path / "cache" / out))
        prepare.prepare(PrepareSettings("market", raw, tmp_path / out))
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_the_built_in_data_set_is_generated_and_its_card_ends_with_the_sha256_of_every_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "generate_boutique", lambda: generate_boutique(SMALL))
    for out in ("one", "two"):
        prepare.prepare(PrepareSettings(out=tmp_path / out))
    made = files_of(tmp_path / "one" / "boutique")
    assert made == files_of(tmp_path / "two" / "boutique")
    assert sum(name.startswith("images/") for name in made) == 18
    digests = yaml.safe_load(made["dataset.yaml"])["sha256"]
    assert digests == {
        name: hashlib.sha256(made[name]).hexdigest()
        for name in ("boutique.inter", "items.csv", "attributes.csv", "image_feat.npy", "text_feat.npy")
    }
    assert np.load(tmp_path / "one" / "boutique" / "image_feat.npy").dtype == np.float16
    data = read_folder(tmp_path / "one" / "boutique")
    assert data.missing["visual"].sum() == data.missing["textual"].sum() == 2


def test_preparing_anew_replaces_pictures_that_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "generate_boutique", lambda: generate_boutique(SMALL))
    images = prepare.prepare(PrepareSettings(out=tmp_path)) / "images"
    (images / "old.png").write_bytes(b"")
    prepare.prepare(PrepareSettings(out=tmp_path))
    assert not (images / "old.png").exists()


# --- what is refused


def test_without_a_source_the_message_says_what_to_give(tmp_path: Path, refuse: Refuse) -> None:
    error = refuse(command, ["--dataset", "market", "--out", str(tmp_path / "out")])
    assert "--from DIR" in error and "market.inter" in error and "items.csv" in error
    assert not (tmp_path / "out").exists()


def test_a_source_that_is_not_there_is_named(tmp_path: Path, refuse: Refuse) -> None:
    error = refuse(command, ["--dataset", "market", "--from", str(tmp_path / "no"), "--out", str(tmp_path / "out")])
    assert str(tmp_path / "no" / "market" / "market.inter") in error
    assert not list((tmp_path / "out").iterdir())


def test_an_option_that_does_not_exist_is_named(refuse: Refuse) -> None:
    assert "--form" in refuse(command, ["--dataset", "market", "--form", "raw"])


def test_an_unreadable_picture_is_named_and_leaves_what_was_there(raw: Path, tmp_path: Path, refuse: Refuse) -> None:
    arguments = ["--dataset", "market", "--from", str(raw), "--out", str(tmp_path / "out")]
    assert cli.main(command, arguments) == 0
    before = files_of(tmp_path / "out")
    (raw / "market" / "images" / "007.png").write_bytes(b"half a picture")
    assert str(raw / "market" / "images" / "007.png") in refuse(command, arguments).split("error: ")[-1]
    assert files_of(tmp_path / "out") == before
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["market"]


def test_control_c_leaves_nothing_behind(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare, "_write_interactions", interrupt)
    assert cli.main(command, ["--dataset", "market", "--from", str(raw), "--out", str(tmp_path / "out")]) == 130
    assert not list((tmp_path / "out").iterdir())
    assert capsys.readouterr().err.endswith("stopped.\n")


def test_help_says_what_the_command_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        command(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    for part in ("--dataset", "--from", "--out", "make encoders"):
        assert part in shown
