import hashlib
import socket
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brmrs_graph.data.download import Expected, Patience, download
from brmrs_graph.errors import DataError
from tests import servers
from tests.servers import Answer, Handler, Server, status

CONTENT = np.random.default_rng(0).bytes(300_000)
RIGHT = Expected(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
AT_ONCE = Patience(timeout=5, attempts=3, wait=0)


def whole(tag: str = '"v1"', content: bytes = CONTENT, **how: Any) -> Answer:
    return servers.whole(content, tag, **how)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def interrupted(server: Server, target: Path, path: str = "/f", **how: object) -> str:
    """A download that was cut off after 100,000 bytes and given up."""
    url = server.serve(path, whole(drop_after=100_000))
    with pytest.raises(DataError, match="dropped after 100,000 of 300,000 bytes"):
        download([url], target, patience=Patience(timeout=5, attempts=1), **how)  # type: ignore[arg-type]
    assert files(target.parent) == ["data.gz.part", "data.gz.part.json"]
    assert target.with_name("data.gz.part").read_bytes() == CONTENT[:100_000]
    server.asked.clear()
    return url


def test_one_request_brings_the_file(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "data.gz"
    url = server.serve("/f", whole())
    assert download([url], target, expected=RIGHT) == target
    assert target.read_bytes() == CONTENT and files(target.parent) == ["data.gz"]
    download([url], target, expected=RIGHT)
    assert server.ranges == [None]  # what is there is not asked for again


@pytest.mark.parametrize("expected", [RIGHT, Expected(size=len(CONTENT)), Expected()])
def test_a_dropped_connection_is_resumed(server: Server, tmp_path: Path, expected: Expected) -> None:
    # Three drops and two attempts: those that bring something do not count against the source.
    url = server.serve("/f", whole(drop_after=80_000))
    download([url], tmp_path / "data.gz", expected=expected, patience=Patience(timeout=5, attempts=2, wait=0))
    assert (tmp_path / "data.gz").read_bytes() == CONTENT and files(tmp_path) == ["data.gz"]
    assert server.asked == [
        ("/f", None, None),
        ("/f", "bytes=80000-", '"v1"'),
        ("/f", "bytes=160000-", '"v1"'),
        ("/f", "bytes=240000-", '"v1"'),
    ]


def test_another_process_goes_on(server: Server, tmp_path: Path) -> None:
    url = interrupted(server, tmp_path / "data.gz")
    server.serve("/f", whole())
    download([url], tmp_path / "data.gz")
    assert (tmp_path / "data.gz").read_bytes() == CONTENT and files(tmp_path) == ["data.gz"]
    assert server.ranges == ["bytes=100000-"]


def test_a_whole_part_that_was_not_renamed_needs_no_request(server: Server, tmp_path: Path) -> None:
    url = interrupted(server, tmp_path / "data.gz")
    (tmp_path / "data.gz.part").write_bytes(CONTENT)
    download([url], tmp_path / "data.gz", expected=RIGHT)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT and server.asked == []


def test_a_file_that_changed_is_taken_anew(server: Server, tmp_path: Path) -> None:
    url = interrupted(server, tmp_path / "data.gz")
    server.serve("/f", whole('"v2"', CONTENT[::-1]))
    download([url], tmp_path / "data.gz")
    assert (tmp_path / "data.gz").read_bytes() == CONTENT[::-1]
    assert server.asked == [("/f", "bytes=100000-", '"v1"')]


def test_a_server_without_ranges_starts_over(server: Server, tmp_path: Path) -> None:
    url = interrupted(server, tmp_path / "data.gz")
    server.serve("/f", whole(ranges=False))
    download([url], tmp_path / "data.gz", expected=RIGHT)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT and server.ranges == ["bytes=100000-"]


def test_a_server_without_ranges_that_always_drops_ends(server: Server, tmp_path: Path) -> None:
    url = server.serve("/f", whole(drop_after=80_000, ranges=False))
    with pytest.raises(DataError, match="given up after 3 attempts"):
        download([url], tmp_path / "data.gz", expected=RIGHT, patience=AT_ONCE)
    assert len(server.asked) == 3


@pytest.mark.parametrize(("known", "resumed"), [(RIGHT, True), (Expected(), False)])
def test_without_a_strong_validator_only_a_checksum_allows_resuming(
    server: Server, tmp_path: Path, known: Expected, resumed: bool
) -> None:
    url = server.serve("/f", whole('W/"weak"', drop_after=200_000))
    patience = Patience(timeout=5, attempts=1)
    with pytest.raises(DataError):
        download([url], tmp_path / "data.gz", expected=known, patience=patience)
    server.serve("/f", whole('W/"weak"'))
    download([url], tmp_path / "data.gz", expected=known)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert server.asked[1:] == [("/f", "bytes=200000-" if resumed else None, None)]


def test_a_part_of_another_source_is_not_continued(server: Server, tmp_path: Path) -> None:
    interrupted(server, tmp_path / "data.gz")
    other = server.serve("/other", whole())
    download([other], tmp_path / "data.gz", expected=RIGHT)
    assert server.asked == [("/other", None, None)]


def test_pieces_of_two_versions_are_taken_anew(server: Server, tmp_path: Path) -> None:
    # The server hides that its file changed; the checksum tells.
    url = interrupted(server, tmp_path / "data.gz")
    (tmp_path / "data.gz.part").write_bytes(b"x" * 100_000)
    server.serve("/f", whole())
    download([url], tmp_path / "data.gz", expected=RIGHT, patience=AT_ONCE)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT and server.ranges == ["bytes=100000-", None]


def test_a_part_longer_than_the_file_is_dropped(server: Server, tmp_path: Path) -> None:
    url = interrupted(server, tmp_path / "data.gz")
    (tmp_path / "data.gz.part").write_bytes(b"x" * 400_000)
    server.serve("/f", whole())
    download([url], tmp_path / "data.gz", patience=AT_ONCE)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT and server.ranges == ["bytes=400000-", None]


def test_another_range_than_asked_for_is_not_appended(server: Server, tmp_path: Path) -> None:
    url = interrupted(server, tmp_path / "data.gz")

    def shifted(handler: Handler) -> None:
        if handler.headers["Range"]:
            handler.reply(206, CONTENT[50_000:], Content_Range="bytes 50000-299999/300000")
        else:
            handler.reply(200, CONTENT)

    server.serve("/f", shifted)
    download([url], tmp_path / "data.gz", patience=AT_ONCE)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT and server.ranges == ["bytes=100000-", None]


def test_the_next_source_is_tried_and_all_are_listed(server: Server, tmp_path: Path) -> None:
    bad = [
        server.serve("/forbidden", status(403)),
        server.serve("/gone", status(404)),
        server.serve("/wrong", whole(content=CONTENT[::-1])),
        server.serve("/short", whole(content=CONTENT[:-1])),
        server.serve("/page", lambda handler: handler.reply(200, b"<html>", Content_Type="text/html; charset=utf-8")),
        "ftp://127.0.0.1/f",
        "no address",
    ]
    good = server.serve("/good", whole())
    with pytest.raises(DataError) as error:
        download(bad, tmp_path / "data.gz", expected=RIGHT, by_hand="Ask the authors", patience=AT_ONCE)
    lines = str(error.value).splitlines()
    assert lines[0] == "data.gz could not be downloaded, tried in this order:"
    for line, url, reason in zip(
        lines[1:-1],
        bad,
        [
            "HTTP 403",
            "HTTP 404",
            "its sha256 is",
            "it offers 299,999 bytes, not 300,000",
            "a web page",
            "ftp",
            "unknown url",
        ],
        strict=True,
    ):
        assert line.startswith(f"  {url}: ") and reason in line
    assert lines[-1] == (
        f"Ask the authors, put it at {tmp_path / 'data.gz'} (sha256 {RIGHT.sha256}), and run the command again"
    )
    assert files(tmp_path) == []  # nothing that could be taken for the file
    assert [path for path, *_ in server.asked] == ["/forbidden", "/gone", "/wrong", "/short", "/page"]  # each once
    download([*bad, good], tmp_path / "data.gz", expected=RIGHT, patience=AT_ONCE)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT


def test_a_source_that_lost_the_file_takes_its_part_along(server: Server, tmp_path: Path) -> None:
    url = interrupted(server, tmp_path / "data.gz")
    server.serve("/f", status(404))
    with pytest.raises(DataError, match="HTTP 404"):
        download([url], tmp_path / "data.gz")
    assert files(tmp_path) == []


def test_the_part_of_another_source_outlives_those_that_fail(server: Server, tmp_path: Path) -> None:
    url = interrupted(server, tmp_path / "data.gz", expected=RIGHT)
    server.serve("/f", whole())
    bad = [server.serve("/gone", status(404)), server.serve("/short", whole(content=CONTENT[:-1]))]
    download([*bad, url], tmp_path / "data.gz", expected=RIGHT)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert server.ranges == [None, None, "bytes=100000-"]


def test_overload_is_waited_out(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    answers = [status(503), lambda handler: handler.reply(429, Retry_After="7"), status(500), whole()]
    url = server.serve("/f", lambda handler: answers.pop(0)(handler))
    download([url], tmp_path / "data.gz", patience=Patience(wait=0.5, longest_wait=6))
    assert slept == [0.5, 6.0, 2.0]


def test_a_silent_server_times_out(server: Server, tmp_path: Path) -> None:
    answered = threading.Event()
    url = server.serve("/f", lambda handler: answered.wait(5) and None)
    try:
        with pytest.raises(DataError, match="timed out"):
            download([url], tmp_path / "data.gz", patience=Patience(timeout=0.1, attempts=1))
    finally:
        answered.set()


def test_without_a_network_nothing_is_waited_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = interrupted(server, tmp_path / "data.gz")

    def unknown(*args: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    with pytest.raises(DataError, match="no such server, or no network"):
        download([url], tmp_path / "data.gz")
    assert slept == [] and files(tmp_path) == ["data.gz.part", "data.gz.part.json"]  # for when the network is back


def test_nobody_listening_ends(server: Server, tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        port = http.server_port
    with pytest.raises(DataError, match="refused"):
        download([f"http://127.0.0.1:{port}/f"], tmp_path / "data.gz", patience=AT_ONCE)
    assert files(tmp_path) == []


def test_redirects_are_followed_with_the_range(server: Server, tmp_path: Path) -> None:
    url = interrupted(server, tmp_path / "data.gz")
    server.serve("/f", lambda handler: handler.reply(302, Location="/moved"))
    server.serve("/moved", whole())
    download([url], tmp_path / "data.gz", expected=RIGHT)
    assert (tmp_path / "data.gz").read_bytes() == CONTENT
    assert server.asked == [("/f", "bytes=100000-", '"v1"'), ("/moved", "bytes=100000-", '"v1"')]


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/f", "/f"])
def test_redirects_that_lead_elsewhere_or_nowhere_are_refused(server: Server, tmp_path: Path, location: str) -> None:
    url = server.serve("/f", lambda handler: handler.reply(302, Location=location))
    with pytest.raises(DataError, match="/f: "):
        download([url], tmp_path / "data.gz", patience=AT_ONCE)
    assert files(tmp_path) == []


def test_more_bytes_than_expected_are_not_swallowed(server: Server, tmp_path: Path) -> None:
    sent: list[int] = []

    def endless(handler: Handler) -> None:  # says no length, and never stops by itself
        handler.send_response(200)
        handler.end_headers()
        try:
            while len(sent) < 2000:
                handler.wfile.write(b"x" * 65536)
                sent.append(1)
        except OSError:
            pass

    url = server.serve("/f", endless)
    with pytest.raises(DataError, match="bytes, not 300,000"):
        download([url], tmp_path / "data.gz", expected=RIGHT, patience=AT_ONCE)
    assert files(tmp_path) == [] and len(sent) < 2000


@pytest.mark.parametrize("told", [True, False])
def test_more_than_the_most_bytes_are_not_taken(told: bool, server: Server, tmp_path: Path) -> None:
    sent: list[int] = []

    def large(handler: Handler) -> None:
        handler.send_response(200)
        if told:
            handler.send_header("Content-Length", "300000000")
        handler.end_headers()
        try:
            for _ in range(300):
                handler.wfile.write(bytes(1_000_000))
                sent.append(1)
        except OSError:
            pass

    url = server.serve("/f", large)
    with pytest.raises(DataError, match="more than 100,000"):
        download([url], tmp_path / "data.gz", expected=Expected(most=100_000), patience=AT_ONCE)
    assert files(tmp_path) == [] and len(sent) < 100 and len(server.asked) == 1


def test_a_file_of_that_name_that_is_another_one_stays(server: Server, tmp_path: Path) -> None:
    (tmp_path / "data.gz").write_bytes(b"precious")
    with pytest.raises(DataError, match=r"data\.gz is there, but it has 8 bytes, not 300,000; delete it"):
        download([server.serve("/f", whole())], tmp_path / "data.gz", expected=RIGHT)
    assert (tmp_path / "data.gz").read_bytes() == b"precious" and server.asked == []
    download([], tmp_path / "data.gz")  # of unknown checksum, what is there is taken


def test_without_sources_the_way_by_hand_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\(no source is known\)\. Get the file by hand, put it at "):
        download([], tmp_path / "data.gz")


def test_a_folder_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="cannot be written"):
        download([server.serve("/f", whole())], tmp_path / "file" / "data.gz")


def test_progress_counts_what_was_there(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = interrupted(server, tmp_path / "data.gz")
    server.serve("/f", whole())
    download([url], tmp_path / "data.gz", progress=True)
    assert "data.gz: 100%" in capsys.readouterr().err
