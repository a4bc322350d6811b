"""Files are replaced in one step, so that a half-written one never has its name, and known by their checksum."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file aside, flushes it to the disk and renames it to its place; if that fails, nothing is left aside.

    Whoever else writes the same file, here or on another machine, does so aside of its own; the last one stays.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def module_checksums(folder: Path) -> list[str]:
    """Path below a folder and SHA-256 of each of its modules, sorted: what a folder of code is known by.

    Checksums instead of a number, since nobody has to remember to raise them.
    """
    modules = sorted((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*.py"))
    return [f"{name} {file_sha256(path)}" for name, path in modules]
