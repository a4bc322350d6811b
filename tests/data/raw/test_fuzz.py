"""Whatever bytes a file holds, it is read or refused with a DataError; nothing else is raised, and nothing hangs."""

import gzip
import signal
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brmrs_graph.data.raw import Report, open_source
from brmrs_graph.errors import DataError
from tests.data.raw.written import WRITERS

SECONDS = 30  # for one input; one takes a hundredth of a second
SPICES = [
    b'"', b"'", b"\n", b"\r", b"\x00", b",", b";", b"\t", b":", b"\\", b"{", b"}", b"[" * 2000, b"null", b"NaN",
    b"1e999", b"9" * 5000, b"\xff\xfe", b"\xef\xbb\xbf", b"\x1f\x8b", b"\\ud800", b"../", b"(", b"PAR1",
]  # fmt: skip

EDITS = st.lists(
    st.tuples(
        st.integers(0, 2**20), st.integers(0, 60) | st.just(2**20), st.binary(max_size=6) | st.sampled_from(SPICES)
    ),
    min_size=1,
    max_size=5,
)


def edited(content: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """At some places some bytes are cut out and others put in."""
    for place, cut, put in edits:
        place %= len(content) + 1
        content = content[:place] + put + content[place + cut :]
    return content


def read_all(folder: Path) -> None:
    report = Report()
    source = open_source(folder)
    wanted: set[str] = set()
    for chunk in source.interactions(report, 50):
        assert (chunk["user"] != "").all() and (chunk["item"] != "").all()
        wanted.update(chunk["item"])
    for chunk in source.items(report, 50):
        for column in chunk:
            "".join(chunk[column]).encode()  # can be written down
        assert not chunk["picture"].str.contains(r"\.\./|^/").any()
    for vectors in source.vectors.values():
        for items, block in vectors.read(wanted, report):
            assert len(items) == len(block)
    report.summary()
    report.to_dict()


def alarm(signum: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"no end after {SECONDS} seconds")


class Folders:
    """One folder of each layout; an attack replaces the content of one file for as long as it is read."""

    def __init__(self, root: Path) -> None:
        for name, (_, write) in WRITERS.items():
            (root / name).mkdir()
            write(root / name)
        self.files = sorted(path for path in root.glob("*/*") if path.is_file())

    def attack(self, path: Path, edits: list[tuple[int, int, bytes]], inside: bool, noise: bytes | None) -> None:
        whole = path.read_bytes()
        if noise is not None:
            content = noise
        elif inside and path.suffix == ".gz":
            content = gzip.compress(edited(gzip.decompress(whole), edits), compresslevel=1)
        else:
            content = edited(whole, edits)
        previous = signal.signal(signal.SIGALRM, alarm)
        signal.alarm(SECONDS)
        try:
            path.write_bytes(content)
            read_all(path.parent)
        except DataError as error:
            assert str(path.parent) in str(error), "the message names the file"
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, previous)
            path.write_bytes(whole)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    pytest.importorskip("pyarrow")
    return Folders(tmp_path_factory.mktemp("raw"))


def fuzz(folders: Folders, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(folders.files))
    noise = data.draw(st.none() | st.none() | st.none() | st.binary(max_size=300))
    folders.attack(path, data.draw(EDITS), data.draw(st.booleans()), noise)


def test_the_folders_are_read_when_nobody_attacks(folders: Folders) -> None:
    for folder in {path.parent for path in folders.files}:
        read_all(folder)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_files_are_read_or_refused(folders: Folders, data: st.DataObject) -> None:
    fuzz(folders, data)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_many_damaged_files_are_read_or_refused(folders: Folders, data: st.DataObject) -> None:
    fuzz(folders, data)
