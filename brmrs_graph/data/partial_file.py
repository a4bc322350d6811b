"""A file while it grows, and what it must be once it is whole."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from brmrs_graph.files import file_sha256, write_bytes


@dataclass(frozen=True)
class Expected:
    """What is known of a file before it is there.

    Args:
        sha256: Its checksum, hexadecimal (default: not known).
        size: Its size in bytes (default: not known).
        most: Most bytes that it may have (default: any number).
    """

    sha256: str | None = None
    size: int | None = None
    most: int | None = None

    def fault(self, path: Path) -> str | None:
        """What is wrong with a file, or None."""
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            return f"it has {size:,} bytes, not {self.size:,}"
        if self.most is not None and size > self.most:
            return f"it has more than {self.most:,} bytes"
        if self.sha256 is not None and (found := file_sha256(path)) != self.sha256.lower():
            return f"its sha256 is {found}, not {self.sha256.lower()}"
        return None


class PartialFile:
    """The file while it grows.

    Args:
        target: Where the whole file goes.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f"{target.name}.part")
        self.about = target.with_name(f"{target.name}.part.json")

    def received(self) -> int:
        """Bytes there."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def validator(self, source: str) -> str | None:
        """What the source called its file, empty if nothing; None if the part does not come from there."""
        try:
            about = json.loads(self.about.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(about, dict) or about.get("source") != source:
            return None
        return str(about.get("validator", ""))

    def begin(self, source: str, validator: str) -> None:
        """Forgets what is there and notes where the next bytes come from."""
        self.path.unlink(missing_ok=True)
        write_bytes(self.about, json.dumps({"source": source, "validator": validator}).encode())

    def remove(self) -> None:
        """Leaves nothing behind."""
        self.path.unlink(missing_ok=True)
        self.about.unlink(missing_ok=True)

    def remove_if_from(self, source: str) -> None:
        """Leaves nothing behind of what came from there; the part of another source may be worth hours."""
        if self.validator(source) is not None:
            self.remove()

    def finish(self) -> None:
        """Gives the file its name."""
        with self.path.open("ab") as file:
            os.fsync(file.fileno())
        self.path.replace(self.target)
        self.about.unlink(missing_ok=True)
