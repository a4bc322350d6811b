"""Unpacks zip and tar archives from anywhere: into one new folder, nothing outside it, whole or not at all.

Members may only be files and folders below the archive's root. Names that lead elsewhere (absolute ones, ``..``),
links and devices are refused, as are encrypted and repeated members, and contents larger than a limit, which is
compared with what comes out and not with what the archive says of itself.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase, BufferedReader
from pathlib import Path, PurePosixPath
from typing import IO

from brmrs_graph.errors import DataError

MAX_BYTES = 200 * 2**30
MAX_MEMBERS = 5_000_000
_BLOCK = 1 << 20

# What the modules raise for damaged archives. zipfile: RuntimeError for encryption, NotImplementedError for methods.
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    gzip.BadGzipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)


class _UnsafeError(Exception):
    """A member that must not be unpacked."""


def unpack(archive: Path, folder: Path, *, max_bytes: int = MAX_BYTES, max_members: int = MAX_MEMBERS) -> Path:
    """Unpacks an archive into a new folder.

    Members get the permissions of new files; times and owners are not taken over. The folder grows under another
    name beside its place and is renamed when all is there.

    Args:
        archive: A zip file, or a tar file, plain or compressed with gzip, bzip2 or xz; told by content, not by name.
        folder: The folder to make; it must not be there yet.
        max_bytes: Most bytes that all members may have together, unpacked.
        max_members: Most members.

    Returns:
        ``folder``.

    Raises:
        DataError: If it is no such archive, is damaged, or holds what is refused; nothing is left behind.
    """
    if folder.exists():
        raise DataError(f"{folder} is there already; delete it to have {archive.name} unpacked again")
    aside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        _unpack(archive, _Budget(max_bytes, max_members), aside)
        aside.replace(folder)
    except _UnsafeError as error:
        raise DataError(f"{archive} was not unpacked: {error}") from error
    except _DAMAGED as error:
        raise DataError(
            f"{archive} is damaged or no zip or tar archive ({error or type(error).__name__}); get it again"
        ) from error
    except OSError as error:
        raise DataError(f"{archive} could not be unpacked to {folder}: {error}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


class _Budget:
    """What may still be unpacked."""

    def __init__(self, max_bytes: int, max_members: int) -> None:
        self.max_bytes, self.max_members = max_bytes, max_members
        self.bytes = self.members = 0

    def take_member(self) -> None:
        self.members += 1
        if self.members > self.max_members:
            raise _UnsafeError(f"it has more than {self.max_members:,} members")

    def take(self, n: int) -> None:
        self.bytes += n
        if self.bytes > self.max_bytes:
            raise _UnsafeError(
                f"its members have more than {self.max_bytes:,} bytes together; raise the limit if that is right"
            )


def _unpack(archive: Path, budget: _Budget, folder: Path) -> None:
    # A tar file may end with the bytes of a zip file, so that tar is asked first.
    with archive.open("rb") as file, _plain_tar(file) as plain:
        if plain is not None:
            return _unpack_tar(plain, budget, folder)
        file.seek(0)
        with zipfile.ZipFile(file) as bundle:
            return _unpack_zip(bundle, budget, folder)


@contextmanager
def _plain_tar(file: BufferedReader) -> Iterator[BufferedIOBase | None]:
    """The tar file inside a compressed one; None for what is neither."""
    start = file.read(512)
    file.seek(0)
    openers: dict[bytes, Callable[[BufferedReader], BufferedIOBase]] = {
        b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
        b"BZh": bz2.BZ2File,
        b"\xfd7zXZ\0": lzma.LZMAFile,
    }
    for magic, open_packed in openers.items():
        if start.startswith(magic):
            with open_packed(file) as plain:
                yield plain
            return
    yield file if start[257:262] == b"ustar" else None


def _unpack_tar(plain: BufferedIOBase, budget: _Budget, folder: Path) -> None:
    with tarfile.open(fileobj=plain, mode="r:") as bundle:
        for member in bundle:
            if member.isdir():
                _make_folder(folder, member.name, budget)
            elif member.isreg():
                content = bundle.extractfile(member)
                if content is None:
                    raise EOFError(f"{member.name!r} has no content")
                _write(folder, member.name, content, budget, member.size)
            else:
                raise _UnsafeError(
                    f"{member.name!r} is neither a file nor a folder (a link or device, type {member.type!r})"
                )
        # tarfile takes a damaged header for the end; the true end is a block of zeros. Reading on checks the checksum.
        plain.seek(bundle.offset)
        if plain.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise EOFError("it breaks off before its end")
        while plain.read(_BLOCK):
            pass


def _unpack_zip(bundle: zipfile.ZipFile, budget: _Budget, folder: Path) -> None:
    for member in bundle.infolist():
        kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where the archive does not come from a Unix
        if member.filename.endswith("/"):  # is_dir() of older Pythons fails where the name is empty
            _make_folder(folder, member.filename, budget)
        elif kind in (0, stat.S_IFREG):
            with bundle.open(member) as content:
                _write(folder, member.filename, content, budget, member.file_size)
        else:
            raise _UnsafeError(f"{member.filename!r} is neither a file nor a folder (a link or device)")


def _make_folder(folder: Path, name: str, budget: _Budget) -> None:
    budget.take_member()
    inside = _inside(name)
    if inside.parts:
        folder.joinpath(inside).mkdir(parents=True, exist_ok=True)


def _write(folder: Path, name: str, content: IO[bytes], budget: _Budget, size: int) -> None:
    budget.take_member()
    inside = _inside(name)
    if not inside.parts:
        raise _UnsafeError(f"{name!r} is no file name")
    path = folder.joinpath(inside)
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    try:
        # "x": never through something that is there. What is there was written by an earlier member.
        with path.open("xb") as file:
            while block := content.read(_BLOCK):
                budget.take(len(block))
                file.write(block)
                written += len(block)
    except FileExistsError as error:
        raise _UnsafeError(
            f"{name!r} occurs twice (or differs from another member only where this disk does not)"
        ) from error
    if written != size:
        raise EOFError(f"{name!r} has {written:,} bytes, not {size:,}")


def _inside(name: str) -> PurePosixPath:
    """The path below the folder that a member's name means."""
    parts = PurePosixPath(name)
    if "\0" in name or "\\" in name or (os.name == "nt" and ":" in name):
        raise _UnsafeError(f"{name!r} has a character that file names must not have")
    if parts.is_absolute() or ".." in parts.parts:
        raise _UnsafeError(f"{name!r} leads out of the folder")
    return parts


__all__ = ["unpack"]
