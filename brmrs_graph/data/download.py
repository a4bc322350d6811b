"""One file from the first of several sources that has it, resumed where it was cut off, whole or not there at all.

A file grows as ``NAME.part``, with ``NAME.part.json`` beside it that says where it comes from, and gets its name when
its size and its checksum are right. A download that is interrupted, by the network or by ``kill -9``, goes on from
there the next time: the server is asked for the rest, on the condition that its file is still the same.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from socket import gaierror
from typing import NoReturn
from urllib.error import HTTPError, URLError
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from tqdm import tqdm

from brmrs_graph.data.partial_file import Expected, PartialFile
from brmrs_graph.errors import DataError

_BLOCK = 1 << 18
_GONE = {404, 410}
_AGAIN_LATER = {408, 425, 429}  # and all from 500 on: the same request may be answered next time


@dataclass(frozen=True)
class Patience:
    """How long a source is waited for.

    Args:
        timeout: Seconds without a byte after which a connection counts as dropped.
        attempts: Tries in a row that bring nothing new before a source is given up.
        wait: Seconds before the second try, doubled before every further one.
        longest_wait: Most seconds between two tries, whatever the server asks for.
    """

    timeout: float = 30.0
    attempts: int = 5
    wait: float = 1.0
    longest_wait: float = 60.0


ANYTHING = Expected()
PATIENT = Patience()


class UnavailableError(DataError):
    """No source has the file.

    Args:
        message: The whole story, for a person.
        answers: The address of each source and what is wrong with it, in the order in which they were asked.
    """

    def __init__(self, message: str, answers: Sequence[tuple[str, str]]) -> None:
        super().__init__(message)
        self.answers = tuple(answers)


class _RefusedError(Exception):
    """A source does not have the file; asking it again would change nothing."""


class _DroppedError(Exception):
    """An attempt failed; another one may succeed, after ``wait`` seconds if the server says so."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


def download(
    sources: Sequence[str],
    target: Path,
    *,
    expected: Expected = ANYTHING,
    by_hand: str = "",
    patience: Patience = PATIENT,
    progress: bool = False,
) -> Path:
    """Downloads a file, unless it is there.

    Args:
        sources: Addresses of the file (http or https), tried in this order.
        target: Where it goes; its folder is made if absent.
        expected: Its checksum and size, as far as they are known. Without a checksum a download is resumed only where
            the server can tell that its file did not change.
        by_hand: What a person can do where no source answers, for the error message.
        patience: How long a source is waited for.
        progress: Whether to show a progress bar.

    Returns:
        ``target``.

    Raises:
        UnavailableError: If no source has the file. The message lists the sources with what was wrong with each.
        DataError: If a file of that name is there and is another one, or it cannot be written.
    """
    if target.exists():
        if fault := expected.fault(target):
            raise DataError(
                f"{target} is there, but {fault}; delete it to have it downloaded, or put the right one there"
            )
        return target
    answers: list[tuple[str, str]] = []
    part = PartialFile(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tqdm(desc=target.name, unit="B", unit_scale=True, unit_divisor=1024, disable=not progress) as bar:
            for source in sources:
                try:
                    _from_source(source, part, expected, patience, bar)
                except _RefusedError as error:
                    answers.append((source, str(error)))
                else:
                    part.finish()
                    return target
    except OSError as error:  # those of the network were caught where they arose
        raise DataError(
            f"{target} cannot be written: {error}. Make room or choose another folder, and try again"
        ) from error
    _give_up(target, answers, expected, by_hand)


def _give_up(target: Path, answers: Sequence[tuple[str, str]], expected: Expected, by_hand: str) -> NoReturn:
    lines = "".join(f"  {source}: {reason}\n" for source, reason in answers)
    tried = f", tried in this order:\n{lines}" if answers else " (no source is known). "
    known = f" (sha256 {expected.sha256})" if expected.sha256 else ""
    raise UnavailableError(
        f"{target.name} could not be downloaded{tried}{by_hand.rstrip('. ') or 'Get the file by hand'}, put it at "
        f"{target}{known}, and run the command again",
        answers,
    )


def _from_source(source: str, part: PartialFile, expected: Expected, patience: Patience, bar: tqdm) -> None:
    """Tries one source until the file is there and right.

    Raises:
        _RefusedError: If it is given up.
    """
    most, tries = 0, 0
    while True:
        try:
            return _attempt(source, part, expected, patience.timeout, bar)
        except _DroppedError as error:
            # A long file over a bad line takes many attempts; only those that bring nothing new count.
            most, tries = max(most, part.received()), 1 if part.received() > most else tries + 1
            if tries >= patience.attempts:
                raise _RefusedError(f"{error} (given up after {tries} attempts)") from error
            wait = max(patience.wait * 2 ** (tries - 1), error.wait)
            time.sleep(min(wait, patience.longest_wait))


def _attempt(source: str, part: PartialFile, expected: Expected, timeout: float, bar: tqdm) -> None:
    validator = part.validator(source)
    resumable = validator is not None and (validator != "" or expected.sha256 is not None)
    offset = part.received() if resumable else 0
    if not offset or offset != expected.size:  # else it was cut off before it got its name
        with _open(source, offset, validator or "", timeout, part) as response:
            total = _total(response, offset, part)
            if response.status != 206:
                offset = 0  # the server knows no ranges, or its file changed
            if total is not None and expected.size is not None and total != expected.size:
                part.remove_if_from(source)
                raise _RefusedError(f"it offers {total:,} bytes, not {expected.size:,}")
            if total is not None and expected.most is not None and total > expected.most:
                part.remove_if_from(source)
                raise _RefusedError(f"it offers {total:,} bytes, more than {expected.most:,}")
            if not offset:
                part.begin(source, _validator(response))
            bar.reset(total or expected.size)
            bar.update(offset)
            _receive(response, part, total, expected, bar)
    if fault := expected.fault(part.path):
        part.remove()
        # Pieces of two versions of a file make neither; only one that came whole from here speaks against the source.
        raise _DroppedError(fault) if offset else _RefusedError(fault)


def _open(source: str, offset: int, validator: str, timeout: float, part: PartialFile) -> HTTPResponse:
    headers = {"User-Agent": "brmrs-graph", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if validator:
            headers["If-Range"] = validator
    try:
        response: HTTPResponse = _opener().open(Request(source, headers=headers), timeout=timeout)
    except HTTPError as error:
        error.close()
        reason = f"HTTP {error.code} {error.reason}".strip()
        if error.code == 416 and offset:  # there is no rest: the part is not of this file
            part.remove()
            raise _DroppedError(reason) from error
        if error.code in _GONE:
            part.remove_if_from(source)
        if error.code in _AGAIN_LATER or error.code >= 500:
            asked = error.headers.get("Retry-After", "") if error.headers else ""
            raise _DroppedError(reason, float(asked) if asked.isdecimal() else 0.0) from error
        raise _RefusedError(reason) from error
    except URLError as error:
        if isinstance(error.reason, gaierror):  # no network, most likely; nothing to wait for
            raise _RefusedError(f"no such server, or no network ({error.reason})") from error
        if not isinstance(error.reason, OSError):
            raise _RefusedError(str(error.reason)) from error
        raise _DroppedError(str(error.reason)) from error
    except ValueError as error:  # not an address
        raise _RefusedError(str(error)) from error
    except (OSError, HTTPException) as error:
        raise _DroppedError(str(error) or type(error).__name__) from error
    kind = response.headers.get_content_type()
    if kind == "text/html" and part.target.suffix.lower() not in {".html", ".htm"}:
        response.close()
        raise _RefusedError("it answers with a web page instead of the file")
    return response


def _opener() -> OpenerDirector:
    # Without the handlers for file: and ftp:, which a redirect could lead to.
    opener = OpenerDirector()
    for handler in (ProxyHandler, UnknownHandler, HTTPHandler, HTTPSHandler):
        opener.add_handler(handler())
    for processor in (HTTPDefaultErrorHandler, HTTPRedirectHandler, HTTPErrorProcessor):
        opener.add_handler(processor())
    return opener


def _total(response: HTTPResponse, offset: int, part: PartialFile) -> int | None:
    """Size of the whole file, where the server says it."""
    if response.status != 206:
        return response.length
    # "bytes 100-199/200"; the size may be "*"
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    span, _, total = rest.partition("/")
    if not offset or unit != "bytes" or span.partition("-")[0] != str(offset):
        if offset:
            part.remove()
        raise _DroppedError("it answers with another part of the file than it was asked for")
    return int(total) if total.isdecimal() else None


def _validator(response: HTTPResponse) -> str:
    """What ``If-Range`` takes: a strong ETag, or else the time of the last change."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def _receive(response: HTTPResponse, part: PartialFile, total: int | None, expected: Expected, bar: tqdm) -> None:
    limit = expected.size if total is None else total
    most = expected.most if limit is None else limit
    with part.path.open("ab") as file:
        received = file.tell()
        while True:
            try:
                block = response.read1(_BLOCK)
            except (OSError, HTTPException) as error:
                raise _DroppedError(f"the connection dropped after {received:,} bytes ({error})") from error
            if not block:
                break
            file.write(block)
            received += len(block)
            bar.update(len(block))
            if most is not None and received > most:
                break  # the size is checked with the checksum
    if limit is not None and received < limit:
        raise _DroppedError(f"the connection dropped after {received:,} of {limit:,} bytes")


__all__ = ["Expected", "Patience", "UnavailableError", "download"]
