import json
import os
import shutil
from pathlib import Path

import pytest

from brmrs_graph.data.preparation.stages import Workplace, link
from brmrs_graph.errors import BusyError


def test_a_stage_is_done_once_for_the_same_basis(tmp_path: Path) -> None:
    done: list[Path] = []

    def make(folder: Path) -> dict[str, int]:
        done.append(folder)
        (folder / "file").write_text("x")
        return {"n": len(done)}

    first = Workplace(tmp_path / "w").stage("one", ["a", 1], make)
    again = Workplace(tmp_path / "w").stage("one", ("a", 1), make)
    assert first == again and first.result == {"n": 1} and (first.folder / "file").is_file()
    other = Workplace(tmp_path / "w").stage("one", ["a", 2], make)
    named = Workplace(tmp_path / "w").stage("two", ["a", 1], make)
    assert len({first.folder, other.folder, named.folder}) == 3
    assert len({first.fingerprint, other.fingerprint, named.fingerprint}) == 3
    assert done == [first.folder, other.folder, named.folder]


def test_a_stage_that_failed_goes_on_in_its_folder(tmp_path: Path) -> None:
    work = Workplace(tmp_path / "w")

    def fail(folder: Path) -> None:
        (folder / "begun").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.stage("one", [], fail)
    assert not work.finished
    assert work.stage("one", [], lambda folder: (folder / "begun").read_text()).result == "half"
    assert work.finished


def test_a_note_that_was_half_written_does_not_count(tmp_path: Path) -> None:
    work = Workplace(tmp_path / "w")
    stage = work.stage("one", [], lambda _: 1)
    note = stage.folder.with_suffix(".json")
    note.rename(note.with_name(f".{note.name}.part"))
    assert work.stage("one", [], lambda _: 2).result == 2


def test_gathered_files_are_those_of_the_stages_and_stay_there(tmp_path: Path) -> None:
    work = Workplace(tmp_path / "w")

    def tree(folder: Path) -> None:
        (folder / "images").mkdir()
        (folder / "images" / "1.png").write_bytes(b"1")
        (folder / ".hidden").write_bytes(b"2")

    stages = [
        work.stage("one", [], tree),
        work.stage("two", [], lambda folder: (folder / "a.csv").write_text("a")),
    ]
    for _ in range(2):
        whole = work.gather(stages)
        assert sorted(path.relative_to(whole).as_posix() for path in whole.rglob("*")) == [
            "a.csv",
            "images",
            "images/1.png",
        ]
    assert (stages[1].folder / "a.csv").read_text() == "a"
    work.remove()
    assert not work.folder.exists()


def test_a_kill_while_all_is_removed_leaves_no_half_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Workplace(tmp_path / "w")

    def make(folder: Path) -> None:
        (folder / "file").write_text("x")

    def killed(*_: object, **__: object) -> None:
        (stage.folder / "file").unlink()
        raise KeyboardInterrupt

    stage = work.stage("one", 1, make)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            work.remove()
    assert (work.stage("one", 1, make).folder / "file").read_text() == "x"


def test_links_become_copies_where_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text(json.dumps(1))
    link(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b" / "x").read_text() == "1"


def test_one_process_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / ".shop.part"
    with Workplace(folder), pytest.raises(BusyError, match="another process works in"), Workplace(folder):
        pass
    with Workplace(folder) as work:
        work.remove()
