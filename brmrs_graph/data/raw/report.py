"""What a reader left out, and why: a few broken lines are counted, a file that is mostly broken is an error."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brmrs_graph.errors import DataError

_SHOWN = 5  # places named for each file and reason
_UNITS = {".parquet": "record", ".pq": "record", ".b": "record", ".npy": "row"}
_EARLY = 1000  # broken records after which a file may be given up before its end


@dataclass
class Skipped:
    """How often one thing happened in one file, and where first.

    Attributes:
        count: How often.
        places: The first lines (of a text file, header and all) or records (of another one), counted from 1, rows of an
            array, counted from 0, or items by their ids.
    """

    count: int = 0
    places: list[int | str] = field(default_factory=list)


class Report:
    """Collects what the streams of a :class:`~brmrs_graph.data.raw.Source` leave out; complete once they are exhausted.

    Use a new one for each pass over the files.

    Attributes:
        skipped: By file and reason.
        kept: Records read, by file.
    """

    def __init__(self) -> None:
        self.skipped: dict[tuple[Path, str], Skipped] = {}
        self.kept: dict[Path, int] = defaultdict(int)
        self._broken: dict[Path, int] = defaultdict(int)
        self._last: dict[Path, int] = defaultdict(int)

    def note(self, path: Path, reason: str, place: int | str) -> None:
        """Counts something that is no fault of the record, such as a repeated item or a picture that is not there."""
        entry = self.skipped.setdefault((path, reason), Skipped())
        entry.count += 1
        if len(entry.places) < _SHOWN:
            entry.places.append(place)

    def skip(self, path: Path, reason: str, place: int) -> None:
        """Counts a broken record.

        Raises:
            DataError: If more than half of a long file is broken so far.
        """
        self.note(path, reason, place)
        self._broken[path] += 1
        self._last[path] = max(self._last[path], place)
        if self._broken[path] >= _EARLY and 2 * self._broken[path] > self._last[path]:
            raise self._mostly_broken(path)

    def keep(self, path: Path, count: int) -> None:
        """Counts records that were read well."""
        self.kept[path] += count

    def finish(self, path: Path) -> None:
        """Says that a file was read to its end.

        Raises:
            DataError: If it holds no records, or more broken ones than others.
        """
        if self._broken[path] > self.kept[path]:
            raise self._mostly_broken(path)
        if not self.kept[path]:
            raise DataError(f"{path} holds no records; fetch it again, or leave it out")

    def summary(self) -> list[str]:
        """One sentence for each file and reason."""
        return [told(entry) for entry in self.to_dict()]

    def to_dict(self) -> list[dict[str, Any]]:
        """The same for a manifest."""
        return [
            {"file": path.name, "reason": reason, "count": entry.count, "first": entry.places}
            for (path, reason), entry in self.skipped.items()
        ]

    def _mostly_broken(self, path: Path) -> DataError:
        reasons = "; ".join(
            _told(path, reason, entry) for (file, reason), entry in self.skipped.items() if file == path
        )
        return DataError(
            f"{path} is mostly broken: {reasons}. Check that it is what its name says, that it was fetched "
            "whole, and, if it is a table of your own, that its columns were taken for what they are (--columns.user "
            "NAME and others)"
        )


def told(entry: dict[str, Any]) -> str:
    """One sentence of an entry of a manifest."""
    skipped = Skipped(entry["count"], entry["first"])
    return f"{entry['file']}: {_told(Path(entry['file']), entry['reason'], skipped)}"


def _told(path: Path, reason: str, entry: Skipped) -> str:
    unit = _UNITS.get(path.suffix, "line")
    unit = "item" if isinstance(entry.places[0], str) else unit
    more = ", …" if entry.count > len(entry.places) else ""
    more += ", counted from 0" if unit == "row" else ""
    places = ", ".join(map(str, entry.places))
    return f"{entry.count:,} × {reason} ({unit}{'s' if entry.count > 1 else ''} {places}{more})"
