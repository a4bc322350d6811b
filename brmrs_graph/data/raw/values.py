"""Single values of raw tables as ids, numbers, times, texts and pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

# Ids become fields of tables and names of files: no line ends, tabs or other control characters, no halves of
# surrogate pairs, which no encoding can write.
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_MAX_ID = 512
_EXACT = 2**53  # whole numbers beyond have lost digits as a float: several ids have become one
_PICTURE_KEYS = ("large", "hi_res", "thumb")  # of Amazon's pictures of 2023; large has some 500 pixels
_MAX_DEPTH = 8


def as_id(value: Any) -> str:
    """An id as it is written, spaces around it left out; whole numbers of typed formats in decimal. Empty: no id."""
    if not isinstance(value, str):
        value = _written(value)
    value = value.strip()
    return "" if len(value) > _MAX_ID or _UNWRITABLE.search(value) else value


def _written(value: Any) -> str:
    """An id of a typed format."""
    if isinstance(value, bytes):
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return value.hex()  # numbers of 16 bytes, for example; replaced characters would make two ids one
        return value.hex() if _UNWRITABLE.search(text) else text
    # pandas makes floats of numbers where one is missing, and data bases have whole numbers as decimals.
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        value = int(value)
    if isinstance(value, Decimal) and value.is_finite() and -(2**64) < value < 2**64 and value == int(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**64:
        return str(value)
    return ""


def as_number(value: Any) -> float | None:
    """A finite number, NaN where there is none, or None if the value is something else."""
    if value is None or value == "":
        return math.nan
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isinf(number) else number


def as_time(value: Any, unit: float) -> float | None:
    """A time in seconds since 1970 from a number of ``unit`` seconds each, or from a date (UTC if it names no zone)."""
    number = as_number(value)
    if number is not None:
        return number * unit
    try:
        if isinstance(value, str):
            text = value.strip()
            value = datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)
        elif isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        pass
    return None


def as_text(value: Any, separator: str) -> str:
    """A value as one line of text.

    Parts of lists (of any depth) and values of dictionaries are joined by the separator, each part once. Runs of white
    space become one space; characters that no file can hold are dropped.
    """
    parts: dict[str, None] = {}
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list | tuple):
            waiting.extend(reversed(value))
        elif isinstance(value, dict):
            waiting.extend(reversed(value.values()))
        elif (part := _part(value)) != "":
            parts[part] = None
    return separator.join(parts)


def _part(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, int) and not -(10**18) < value < 10**18:
        return ""
    return " ".join(_UNWRITABLE.sub(" ", str(value)).split())


def as_picture(value: Any, depth: int = 0) -> str:
    """The address or path of the first picture in a value; of several, the one that is marked as the main one."""
    if isinstance(value, str):
        return value.strip()
    if depth == _MAX_DEPTH:
        return ""
    if isinstance(value, dict):
        return _first([value.get(key) for key in _PICTURE_KEYS], depth)
    if isinstance(value, list | tuple):
        main = [entry for entry in value if isinstance(entry, dict) and entry.get("variant") == "MAIN"]
        return _first([*main, *value], depth)
    return ""


def _first(values: Sequence[Any], depth: int) -> str:
    return next((picture for value in values if (picture := as_picture(value, depth + 1))), "")
