import json
from pathlib import Path

import pytest

from brmrs_graph.data.preparation import MANIFEST, publish, read_manifest
from brmrs_graph.data.preparation.publish import check_target, recover
from brmrs_graph.errors import DataError


def write(folder: Path, made: dict[str, str], other: dict[str, str] | None = None, *, manifest: bool = True) -> Path:
    """A data set folder that lists some of its files in its manifest."""
    for name, content in {**made, **(other or {})}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    if manifest:
        names = dict.fromkeys((f"{Path(name).parts[0]}/" if "/" in name else name for name in made), "0")
        (folder / MANIFEST).write_text(json.dumps({"files": names}))
    return folder


def below(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return write(tmp_path / ".shop.part" / "whole", {"shop.inter": "new", "images/2.png": "new"})


def test_the_first_folder_takes_its_place(whole: Path, tmp_path: Path) -> None:
    publish(whole, tmp_path / "shop")
    assert below(tmp_path / "shop") == {"shop.inter": "new", "images/2.png": "new"}
    assert read_manifest(tmp_path / "shop")["files"] == {"shop.inter": "0", "images/": "0"}


def test_an_older_one_gives_way_as_a_whole_and_what_it_did_not_make_stays(whole: Path, tmp_path: Path) -> None:
    write(
        tmp_path / "shop",
        {"shop.inter": "old", "image_feat.npy": "old", "images/1.png": "old"},
        {"README.md": "mine", "dataset.yaml": "mine", "notes/a.txt": "mine", ".hidden": "mine"},
    )
    publish(whole, tmp_path / "shop")
    assert below(tmp_path / "shop") == {
        **{"shop.inter": "new", "images/2.png": "new"},
        **dict.fromkeys(("README.md", "dataset.yaml", "notes/a.txt", ".hidden"), "mine"),
    }
    assert [path.name for path in (tmp_path / ".shop.part").iterdir()] == []


def test_a_kill_between_the_two_renames_loses_nothing(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "shop", {"shop.inter": "old"}, {"README.md": "mine"})
    rename = Path.rename

    def killed(path: Path, target: Path) -> Path:
        if path == whole:
            raise SystemExit
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(SystemExit):
        publish(whole, tmp_path / "shop")
    monkeypatch.undo()
    assert not (tmp_path / "shop").exists()
    recover(tmp_path / ".shop.part", tmp_path / "shop")
    assert below(tmp_path / "shop") == {"shop.inter": "old", "README.md": "mine"}
    publish(whole, tmp_path / "shop")
    assert below(tmp_path / "shop") == {"shop.inter": "new", "images/2.png": "new", "README.md": "mine"}


def test_there_is_nothing_to_recover_from_a_run_that_ended(tmp_path: Path) -> None:
    recover(tmp_path / ".shop.part", tmp_path / "shop")
    assert not list(tmp_path.iterdir())


def test_raw_files_are_not_replaced(tmp_path: Path) -> None:
    for source in (tmp_path / "shop", tmp_path / "shop" / "raw"):
        with pytest.raises(DataError, match="holds the raw files and would be replaced"):
            check_target(tmp_path / "shop", source)
    check_target(tmp_path / "shop", tmp_path)


def test_a_data_set_of_others_is_not_replaced(tmp_path: Path) -> None:
    folder = write(tmp_path / "shop", {"README.md": "a description alone"}, manifest=False)
    check_target(folder, tmp_path / "raw")
    write(folder, {"shop.inter": "theirs"}, manifest=False)
    with pytest.raises(DataError, match=r"shop\.inter, which was not prepared by this command"):
        check_target(folder, tmp_path / "raw")
    write(folder, {"shop.inter": "ours"})
    check_target(folder, tmp_path / "raw")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": 1}', "\xff"])
def test_a_manifest_that_is_none_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST).write_text(content, encoding="latin-1")
    with pytest.raises(DataError, match=r"manifest\.json .*prepare the data set again"):
        read_manifest(tmp_path)


def test_arrays_that_were_put_beside_a_prepared_data_set_are_not_taken_for_the_new_items(tmp_path: Path) -> None:
    write(tmp_path / "shop", {"shop.inter": "old", "image_feat.npy": "old"}, {"audio_feat.npy": "mine", "a.md": "mine"})
    with pytest.raises(DataError, match=r"holds audio_feat\.npy, which was not prepared"):
        check_target(tmp_path / "shop", tmp_path / "raw")
