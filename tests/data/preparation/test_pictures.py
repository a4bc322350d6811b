import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from brmrs_graph.data.download import Patience, UnavailableError
from brmrs_graph.data.encoders import item_pictures
from brmrs_graph.data.preparation import collect_pictures, pictures
from brmrs_graph.data.raw import Report
from tests.servers import Server, status, whole

DEAD, BROKEN = "a picture that could not be fetched", "a picture that cannot be read"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "PATIENCE", Patience(timeout=5, attempts=2, wait=0))


def picture(shade: int, suffix: str = "png") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 40), (shade, 0, 0)).save(file, "JPEG" if suffix == "jpg" else suffix)
    return file.getvalue()


def shade(path: Path | None) -> int:
    assert path is not None
    return Image.open(path).getpixel((0, 0))[0]  # type: ignore[index, return-value]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "one.PNG").write_bytes(picture(10))
    (folder / "two.gif").write_bytes(picture(20, "gif"))
    (folder / "half.jpg").write_bytes(picture(30, "jpg")[:400])
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def lost(report: Report) -> dict[str, list[int | str]]:
    return {entry["reason"]: entry["first"] for entry in report.to_dict()}


def test_files_of_the_source_are_copied_under_the_names_of_their_items(shop: Path, out: Path) -> None:
    report = Report()
    places = {"007": "one.PNG", "a/b": "two.gif", "..": "one.PNG", "bad": "half.jpg"}
    assert collect_pictures(shop, places, out, report) == 3
    assert sorted(path.name for path in (out / "images").iterdir()) == ["%2E..png", "007.png", "a%2Fb.jpg"]
    assert [shade(path) for path in item_pictures(out, ["a/b", "007", ".."])[1:]] == [10, 10]
    assert lost(report) == {BROKEN: ["bad"]}
    assert report.summary() == [f"images: 1 × {BROKEN} (item bad)"]


def test_addresses_are_fetched_and_dead_ones_are_counted(server: Server, shop: Path, out: Path) -> None:
    good = server.serve("/good.jpg?size=L", whole(picture(40)))
    gone = [server.serve(f"/gone{number}.jpg", status(404)) for number in range(3)]
    page = server.serve("/page.jpg", lambda handler: handler.reply(200, b"<html>", Content_Type="text/html"))
    text = server.serve("/text.jpg", whole(b"no picture"))
    places = {"a": gone[0], "b": good, "c": gone[1], "d": "one.PNG", "e": gone[2], "f": page, "g": text}
    report = Report()
    assert collect_pictures(shop, places, out, report) == 2
    assert [shade(path) for path in item_pictures(out, ["b", "d"])] == [40, 10]
    assert lost(report) == {DEAD: ["a", "c", "e", "f"], BROKEN: ["g"]}
    assert sorted(path.name for path in out.rglob("*")) == ["b.jpg", "d.png", "images"], "nothing else is left"


def test_a_connection_that_drops_midway_is_resumed(server: Server, out: Path) -> None:
    content = picture(50)
    url = server.serve("/x.png", whole(content, drop_after=len(content) // 3))
    assert collect_pictures(out, {"x": url}, out, Report()) == 1
    assert (out / "images" / "x.png").read_bytes() == content
    assert server.ranges[0] is None and server.ranges[1] == f"bytes={len(content) // 3}-"


def test_a_second_time_asks_only_for_what_is_not_there(server: Server, shop: Path, out: Path) -> None:
    good, gone = server.serve("/good.png", whole(picture(60))), server.serve("/gone.png", status(404))
    places = {"a": good, "b": gone, "c": "one.PNG"}
    found = []
    for _ in range(2):
        report = Report()
        found.append((collect_pictures(shop, places, out, report), report.to_dict()))
    assert found[0] == found[1]
    assert [path for path, _, _ in server.asked].count("/good.png") == 1


def test_what_is_kept_by_address_is_not_fetched_for_another_data_set(server: Server, out: Path, tmp_path: Path) -> None:
    good, bad = server.serve("/good.png", whole(picture(60))), server.serve("/bad.png", whole(b"no picture"))
    places = {"a": good, "b": bad, "again": good}
    assert collect_pictures(out, places, out, Report(), cache_dir=tmp_path / "cache") == 2
    server.asked.clear()
    other = tmp_path / "other"
    other.mkdir()
    report = Report()
    found = collect_pictures(out, {"1": good, "2": bad}, other, report, cache_dir=tmp_path / "cache", offline=True)
    assert found == 1 and server.asked == []
    assert (other / "images" / "1.png").read_bytes() == picture(60)
    assert report.summary() == ["images: 1 × a picture that was not fetched, since this is offline (item 2)"]
    assert not list((tmp_path / "cache").rglob("*.part"))
    collect_pictures(out, {"1": good, "2": bad}, other, Report(), cache_dir=tmp_path / "cache")
    assert [path for path, *_ in server.asked] == ["/bad.png"], "what is no picture is not kept"


def test_a_picture_that_is_too_large_is_not_taken(server: Server, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_BYTES", 20)
    report = Report()
    assert collect_pictures(out, {"x": server.serve("/x.png", whole(picture(50)))}, out, report) == 0
    assert lost(report) == {DEAD: ["x"]} and not (out / "images").exists()


def test_what_a_killed_run_left_goes(shop: Path, out: Path) -> None:
    (out / "images").mkdir()
    (out / "images" / ".old.png.part").write_bytes(b"half")
    collect_pictures(shop, {"c": "one.PNG"}, out, Report())
    assert [path.name for path in (out / "images").iterdir()] == ["c.png"]


def test_a_server_that_does_not_answer_is_given_up(server: Server, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "HOPELESS", 3)
    monkeypatch.setattr(pictures, "WORKERS", 1)
    places = {str(number): server.serve(f"/{number}.png", status(503)) for number in range(10)}
    report = Report()
    assert collect_pictures(out, places, out, report) == 0
    assert len(server.asked) == 3 * 2, "two attempts for three pictures"
    assert report.to_dict()[0]["count"] == 10


def test_plain_refusals_do_not_count_as_waiting(server: Server, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "HOPELESS", 2)
    monkeypatch.setattr(pictures, "WORKERS", 1)
    places = {str(number): server.serve(f"/{number}.png", status(404)) for number in range(5)}
    places["last"] = server.serve("/last.png", whole(picture(70)))
    assert collect_pictures(out, places, out, Report()) == 1


def test_a_server_whose_name_is_not_known_is_given_up(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def unknown(sources: Sequence[str], *_: object, **__: object) -> None:
        asked.extend(sources)
        raise UnavailableError("", [(sources[0], "no such server, or no network (name resolution)")])

    monkeypatch.setattr(pictures, "download", unknown)
    monkeypatch.setattr(pictures, "WORKERS", 1)
    places = {str(item): f"http://shop.invalid/{item}.jpg" for item in range(pictures.HOPELESS + 5)}
    assert collect_pictures(out, places, out, Report()) == 0 and len(asked) == pictures.HOPELESS
