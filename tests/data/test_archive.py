import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brmrs_graph.data.archive import unpack
from brmrs_graph.errors import DataError

MEMBERS = {"a.txt": b"first", "deep/er/b.bin": bytes(range(256)) * 50, "deep/größe.csv": b"", "deep/c.txt": b"x" * 9000}


def entry(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size, link
    return info


def make_tar(path: Path, members: dict[str, bytes], mode: str = "w", *extra: tarfile.TarInfo) -> Path:
    with tarfile.open(path, mode) as bundle:  # type: ignore[call-overload]
        bundle.addfile(entry("deep", tarfile.DIRTYPE))
        for name, content in members.items():
            bundle.addfile(entry(name, size=len(content)), io.BytesIO(content))
        for info in extra:
            bundle.addfile(info)
    return path


def make_zip(path: Path, members: dict[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            bundle.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(archive: Path, message: str, **limits: int) -> None:
    """Unpacking ends with that message and leaves nothing, inside the folder or outside."""
    before = sorted(archive.parent.rglob("*"))
    with pytest.raises(DataError, match=message):
        unpack(archive, archive.parent / "out", **limits)
    assert sorted(archive.parent.rglob("*")) == before


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_archives(tmp_path: Path, mode: str, format_: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarfile.TarFile, "format", format_)
    archive = make_tar(tmp_path / "no suffix", MEMBERS, mode)
    assert contents(unpack(archive, tmp_path / "deep" / "out")) == MEMBERS
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_zip_archives(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"deep/": b"", **MEMBERS})
    assert contents(unpack(archive, tmp_path / "out")) == MEMBERS
    archive = make_zip(tmp_path / "b.zip", MEMBERS, stat.S_IFREG | stat.S_ISUID | 0o777)
    unpack(archive, tmp_path / "unix")
    assert not (tmp_path / "unix" / "a.txt").stat().st_mode & (stat.S_ISUID | stat.S_IXUSR)


def test_what_is_there_stays(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", MEMBERS)
    (tmp_path / "out").mkdir()
    refused(archive, "out is there already")


def test_a_killed_run_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / ".out.part").mkdir()
    (tmp_path / ".out.part" / "half").write_bytes(b"ha")
    assert contents(unpack(make_zip(tmp_path / "a.zip", MEMBERS), tmp_path / "out")) == MEMBERS


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/tmp/evil", "//evil", "..", "deep/..", r"..\evil", r"C:\evil", "a/../b"]
)
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    refused(make_zip(tmp_path / "a.zip", {"fine": b"", name: b"evil"}), "was not unpacked: .* (leads out|character)")
    refused(make_tar(tmp_path / "a.tar", {"fine": b"", name: b"evil"}), "was not unpacked: .* (leads out|character)")
    refused(
        make_tar(tmp_path / "d.tar", {}, "w", entry(name, tarfile.DIRTYPE)),
        "was not unpacked: .* (leads out|character)",
    )


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
)
def test_links_and_devices_in_tar(tmp_path: Path, kind: bytes) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", {"a.txt": b"fine"}, "w:gz", entry("special", kind, link="a.txt"))
    refused(archive, "'special' is neither a file nor a folder")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_in_zip(tmp_path: Path, kind: int) -> None:
    refused(make_zip(tmp_path / "a.zip", {"special": b"/etc/passwd"}, kind | 0o777), "'special' is neither")


def test_a_member_without_a_name(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"named": b"1"})
    archive.write_bytes(archive.read_bytes().replace(b"named", b"\0amed"))  # a name ends at a zero byte
    refused(archive, "'' is no file name")


def test_a_file_is_not_written_twice(tmp_path: Path) -> None:
    refused(make_tar(tmp_path / "a.tar", {"a": b"1", "./a": b"2"}), "'./a' occurs twice")
    refused(make_tar(tmp_path / "b.tar", {"a": b"1", "a/b": b"2"}), "could not be unpacked")
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(tmp_path / "a.zip", "w") as bundle:
        bundle.writestr("a", b"1")
        bundle.writestr("a", b"2")
    refused(tmp_path / "a.zip", "'a' occurs twice")


def test_too_much_is_refused(tmp_path: Path) -> None:
    members = {"zeros": bytes(3_000_000), "more": bytes(2_000_000)}
    for archive in (make_zip(tmp_path / "a.zip", members), make_tar(tmp_path / "a.tar.gz", members, "w:gz")):
        assert archive.stat().st_size < 20_000
        refused(archive, "more than 4,999,999 bytes", max_bytes=4_999_999)
        refused(archive, "more than 1 members", max_members=1)
    assert len(contents(unpack(tmp_path / "a.zip", tmp_path / "out", max_bytes=5_000_000, max_members=2))) == 2


@pytest.mark.parametrize("said_size", [10, 3_000_001])
def test_what_a_zip_says_of_its_size_is_not_believed(tmp_path: Path, said_size: int) -> None:
    archive = make_zip(tmp_path / "a.zip", {"zeros": bytes(3_000_000)})
    real, said = (3_000_000).to_bytes(4, "little"), said_size.to_bytes(4, "little")
    assert archive.read_bytes().count(real) == 2  # the member's own header and the directory
    archive.write_bytes(archive.read_bytes().replace(real, said))
    refused(archive, "damaged|bytes, not")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_truncated_tar(tmp_path: Path, mode: str) -> None:
    whole = make_tar(tmp_path / "a", MEMBERS, mode).read_bytes()
    for keep in (0, 100, len(whole) // 3, len(whole) // 2, len(whole) - 20 if mode != "w" else 512 * 20):
        (tmp_path / "cut").write_bytes(whole[:keep])
        refused(tmp_path / "cut", "cut is damaged or no zip or tar archive")


def test_a_tar_that_ends_between_members_is_not_taken_for_whole(tmp_path: Path) -> None:
    whole = make_tar(tmp_path / "a", {"a": b"1", "b": b"2", "c": b"3"}).read_bytes()
    for broken in (whole[: 512 * 3], whole[: 512 * 3] + b"?" * 512 + whole[512 * 4 :]):
        (tmp_path / "cut").write_bytes(broken)
        refused(tmp_path / "cut", "breaks off before its end")


def test_truncated_and_damaged_zip(tmp_path: Path) -> None:
    whole = bytearray(make_zip(tmp_path / "a", {"a": bytes(range(256)) * 10}).read_bytes())
    (tmp_path / "cut").write_bytes(whole[:-30])
    refused(tmp_path / "cut", "cut is damaged")
    whole[60] ^= 255
    (tmp_path / "cut").write_bytes(whole)
    refused(tmp_path / "cut", "cut is damaged")


def test_encrypted_zip(tmp_path: Path) -> None:
    whole = bytearray(make_zip(tmp_path / "a", {"a": b"secret"}).read_bytes())
    whole[6] |= 1
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "locked").write_bytes(whole)
    refused(tmp_path / "locked", "encrypted")


def test_an_archive_that_is_not_there(tmp_path: Path) -> None:
    refused(tmp_path / "absent.zip", "could not be unpacked .*No such file")


def fuzz(folder: Path, content: bytes) -> None:
    (folder / "fuzzed").write_bytes(content)
    outside = sorted(folder.iterdir())
    try:
        unpack(folder / "fuzzed", folder / "out", max_bytes=10**6)
    except DataError:
        assert sorted(folder.iterdir()) == outside
    else:
        for path in sorted((folder / "out").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        (folder / "out").rmdir()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_damaged_archives_end_cleanly(tmp_path: Path, data: st.DataObject) -> None:
    check_mutation(tmp_path, data)


@pytest.mark.slow
@settings(max_examples=10_000, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_many_damaged_archives_end_cleanly(tmp_path: Path, data: st.DataObject) -> None:
    check_mutation(tmp_path, data)


def check_mutation(folder: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["zip", "w", "w:gz", "w:bz2", "w:xz", "bytes"]))
    if kind == "bytes":
        magic = data.draw(st.sampled_from([b"", b"PK\3\4", b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\0"]))
        return fuzz(folder, magic + data.draw(st.binary(max_size=600)))
    make = make_zip if kind == "zip" else lambda path, members: make_tar(path, members, kind)
    content = bytearray(make(folder / "fuzzed", {"a.txt": b"first", "d/b": b"second" * 90}).read_bytes())
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), max_size=4)):
        content[place % len(content)] = value
    return fuzz(folder, bytes(content[: data.draw(st.sampled_from([len(content), len(content) // 2]))]))
