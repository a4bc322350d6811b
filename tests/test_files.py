import os
from pathlib import Path

import pytest

from brmrs_graph.files import write_bytes


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "numbers.json"
    for content in (b"first, and longer", b"second"):
        write_bytes(path, content)
        assert path.read_bytes() == content and list(tmp_path.iterdir()) == [path]


def test_where_writing_fails_the_old_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "numbers.json"
    write_bytes(path, b"old")

    def no_space(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(OSError, match="no space left"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_two_writers_of_a_file_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, flush = tmp_path / "numbers.json", os.fsync

    def meanwhile(descriptor: int) -> None:
        monkeypatch.setattr("os.fsync", flush)
        write_bytes(path, b"of the other one, and longer")
        assert path.read_bytes() == b"of the other one, and longer"
        flush(descriptor)

    monkeypatch.setattr("os.fsync", meanwhile)
    write_bytes(path, b"of the one")
    assert path.read_bytes() == b"of the one" and list(tmp_path.iterdir()) == [path]


def test_a_folder_in_its_place_stays_and_nothing_is_left_aside(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(OSError, match="there"):
        write_bytes(tmp_path / "there", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
