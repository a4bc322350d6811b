"""What ``dataset.yaml`` says of a data set: what it holds, under which terms, and where its raw files come from.

::

    name: clothing
    description: ...
    licence: ...
    citation: ...
    counts: {users: 39387, items: 23033, pairs: 278677}
    split_hash: "8a9ea69a22ca14e0"    # content hash of the interactions alone, where a split was published
    sources:                          # tried in this order; text instead of a list where nothing is to be fetched
      - name: mmrec
        gives: what comes from there, for a person
        checked: what of it was verified, and what was not
        by_name: false                # true: it gives something else, and is taken only if it is asked for
        archive: false                # true: its only file is a zip or tar archive of the raw files
        prepare: {layout: mmrec}      # options of experiments.prepare that make the data set of it
        files:
          - {name: clothing.inter, urls: [https://...], sha256: ..., bytes: ...}
    by_hand: what a person can do where no source answers
    sha256: {clothing.inter: ...}     # files of the folder itself that must not change
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.data.download import Expected
from brmrs_graph.errors import DataError

T = TypeVar("T")

_WORDS = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "names and values"}
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_ADDRESS = re.compile(r"https?://\S+")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class RawFile:
    """A file of a source.

    Args:
        name: Its name, which says what it is to the reader of its layout.
        urls: Where it can be had, in the order in which they are tried.
        expected: Its checksum and size, as far as they are known.
    """

    name: str
    urls: tuple[str, ...]
    expected: Expected


@dataclass(frozen=True)
class RawSource:
    """A set of files from which the data set is made.

    Args:
        name: Short name.
        files: The files, all of which are needed.
        gives: What they are, for a person.
        checked: What of this was verified, and what was not.
        prepare: Options of ``experiments.prepare`` that make the data set of them, by name.
        archive: Whether the only file is an archive of the raw files.
        by_name: Whether it gives something else than what is described, and is taken only if it is asked for.
    """

    name: str
    files: tuple[RawFile, ...]
    gives: str = ""
    checked: str = ""
    prepare: Mapping[str, Any] = field(default_factory=dict)
    archive: bool = False
    by_name: bool = False


@dataclass(frozen=True)
class DatasetDescription:
    """A data set as described; everything may be absent.

    Args:
        path: The file that says so.
        name: Name of the data set.
        synthetic: Whether it is generated.
        description: What it is.
        licence: Its terms.
        citation: What to cite.
        counts: Expected numbers of users, items, pairs, and of pairs by split.
        split_hash: Content hash of its interactions without features, where a split was published.
        sources: Where its raw files come from, in the order in which they are tried.
        by_hand: What a person can do where no source answers.
        sha256: File of the folder -> its checksum.
    """

    path: Path
    name: str = ""
    synthetic: bool = False
    description: str = ""
    licence: str = ""
    citation: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    split_hash: str = ""
    sources: tuple[RawSource, ...] = ()
    by_hand: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)

    def remarks(self, data: MultimodalDataset) -> tuple[str, ...]:
        """How a data set that was fetched or brought along differs from the described one; nothing if it is the same.

        Args:
            data: The data set as it was read.
        """
        if not self.sources:
            return ()
        if self.split_hash and replace(data, features={}, missing={}).content_hash == self.split_hash:
            return ()
        found = data.counts()
        found["pairs"] = sum(found[split] for split in ("train", "valid", "test"))
        other = [
            f"{found[name]:,} {name} instead of {count:,}"
            for name, count in self.counts.items()
            if name in found and found[name] != count
        ]
        if not other and not self.split_hash:
            return ()
        which = ", ".join(other) or "the same counts, but other pairs or another split"
        return (f"not the data set that {self.path} describes: {which}. Results do not compare with published ones",)


def read_description(path: Path) -> DatasetDescription:
    """Reads ``dataset.yaml``; fields that it does not know are the author's own.

    Raises:
        DataError: If it is no YAML, or a field is of the wrong kind; the message names the file and the field.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:  # ValueError: no UTF-8, or the 45th of a 13th month
        raise DataError(f"{path} is no valid YAML: {error}") from error
    top = _Fields({} if values is None else values, path)
    sources = top.left.get("sources")
    return DatasetDescription(
        path=path,
        name=top.matching("name", _PLAIN_NAME, "a plain name", required=False),
        synthetic=top.take("synthetic", bool, False),
        description=top.take("description", str, ""),
        licence=top.take("licence", str, ""),
        citation=top.take("citation", str, ""),
        counts=top.mapping("counts", int),
        split_hash=top.take("split_hash", str, ""),
        sources=() if isinstance(sources, str) else top.several("sources", _source),
        by_hand=top.take("by_hand", str, ""),
        sha256=top.mapping("sha256", str),
    )


def _source(fields: _Fields) -> RawSource:
    source = RawSource(
        name=fields.matching("name", _PLAIN_NAME, "a plain name"),
        files=fields.several("files", _file),
        gives=fields.take("gives", str, ""),
        checked=fields.take("checked", str, ""),
        prepare={
            option: tuple(value) if isinstance(value, list) else value
            for option, value in fields.take("prepare", dict, {}).items()
        },
        archive=fields.take("archive", bool, False),
        by_name=fields.take("by_name", bool, False),
    )
    if not source.files or (source.archive and len(source.files) > 1):
        raise fields.wrong("files", "one archive" if source.archive else "at least one file")
    return fields.finish(source)


def _file(fields: _Fields) -> RawFile:
    size = fields.take("bytes", int, 0)
    sha256 = fields.matching("sha256", _SHA256, "64 hexadecimal digits, or null if nobody knows them", required=False)
    urls = fields.take("urls", list, [])
    if not urls or not all(isinstance(url, str) and _ADDRESS.fullmatch(url) for url in urls):
        raise fields.wrong("urls", "a list of http or https addresses")
    name = fields.matching("name", _PLAIN_NAME, "a plain file name")
    return fields.finish(RawFile(name, tuple(urls), Expected(sha256 or None, size or None)))


class _Fields:
    """The fields of one mapping in the file, taken one by one."""

    def __init__(self, values: object, path: Path, place: str = "") -> None:
        self.path, self.place = path, place
        if not isinstance(values, dict):
            what = f"{path}: {place.rstrip('.')}" if place else str(path)
            raise DataError(f"{what} must hold names and values, such as `name: clothing`")
        self.left: dict[Any, Any] = dict(values)

    def take(self, name: str, kind: type[T], default: T) -> T:
        value = self.left.pop(name, None)
        if value is None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.wrong(name, _WORDS[kind], value)
        return value

    def matching(self, name: str, pattern: re.Pattern[str], what: str, *, required: bool = True) -> str:
        value = self.take(name, str, "")
        if (value or required) and not pattern.fullmatch(value):
            raise self.wrong(name, what, value)
        return value

    def mapping(self, name: str, kind: type[T]) -> dict[str, T]:
        inner = _Fields(self.take(name, dict, {}), self.path, f"{self.place}{name}.")
        # A value of null says that the number is not known.
        known = {str(key): inner.take(key, kind, cast(T, None)) for key in list(inner.left)}
        return {key: value for key, value in known.items() if value is not None}

    def several(self, name: str, read: Callable[[_Fields], T]) -> tuple[T, ...]:
        values = self.take(name, list, [])
        return tuple(read(_Fields(value, self.path, f"{self.place}{name}[{n}].")) for n, value in enumerate(values))

    def finish(self, made: T) -> T:
        if self.left:
            names = ", ".join(map(str, self.left))
            raise DataError(f"{self.path}: {self.place.rstrip('.')} has unknown fields: {names}; correct their names")
        return made

    def wrong(self, name: str, what: str, value: object = None) -> DataError:
        found = "" if value is None else f", not {value!r}"
        return DataError(f"{self.path}: {self.place}{name} must be {what}{found}")


__all__ = ["DatasetDescription", "RawFile", "RawSource", "read_description"]
