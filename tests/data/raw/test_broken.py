"""What is wrong with single lines is counted; what is wrong with a file ends in an error."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from brmrs_graph.data.raw import Report, open_source
from brmrs_graph.data.raw.lines import MAX_LINE
from brmrs_graph.errors import DataError
from tests.data.raw.written import (
    ITEMS,
    PAIRS,
    WRITERS,
    amazon2014,
    metadata_of_2014,
    packed,
    reviews_of_2014,
)


def read(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    source, report = open_source(folder), Report()
    pairs = pd.concat(source.interactions(report), ignore_index=True)
    items = list(source.items(report))
    return pairs, pd.concat(items, ignore_index=True) if items else pd.DataFrame(), report.summary()


def csv_folder(folder: Path, lines: list[bytes]) -> Path:
    packed(folder / "pairs.csv", b"user_id,item_id,rating\n" + b"".join(lines))
    return folder


def test_broken_json_lines_are_counted(tmp_path: Path) -> None:
    lines = reviews_of_2014().splitlines(keepends=True)
    lines[2] = b'{"reviewerID": "A", "asin"\n'
    lines[4] = b"[1, 2]\n"
    lines[5] = b"\n"
    lines[7] = b'{"reviewerID": "\xff", "asin": "B"}\n'
    lines[9] = b'{"reviewerID": "", "asin": "0000000001"}\n'
    lines[10] = b'{"reviewerID": "A", "asin": null}\n'
    lines[11] = b'{"reviewerID": "A", "asin": "0000000001", "overall": "five"}\n'
    lines[12] = b'{"reviewerID": "A", "asin": "0000000001", "unixReviewTime": "yesterday"}\n'
    lines[13] = b'{"reviewerID": "A\\u0000", "asin": "0000000001"}\n'
    lines[14] = b'{"reviewerID": "\\ud800", "asin": "0000000001"}\n'
    lines[15] = b"[" * 100_000 + b"\n"
    lines[16] = b'{"reviewerID": "A", "asin": "0000000001", "overall": 1' + b"0" * 400 + b"}\n"
    lines[17] = b'{"reviewerID": "", "asin": "", "overall": "five"}\n'  # one line, one reason
    packed(tmp_path / "reviews_X_5.json.gz", b"\xef\xbb\xbf" + b"".join(lines).replace(b"\n", b"\r\n"))
    pairs, _, summary = read(tmp_path)
    left = [pair for row, pair in enumerate(PAIRS) if row not in {2, 4, 5, 7, *range(9, 18)}]
    assert list(zip(pairs["user"], pairs["item"], strict=True)) == [(u, i) for u, i, _, _ in left]
    assert summary == [
        "reviews_X_5.json.gz: 3 × not a JSON object of its own line (lines 3, 5, 16)",
        "reviews_X_5.json.gz: 1 × not UTF-8 (line 8)",
        "reviews_X_5.json.gz: 4 × without a user id (lines 10, 14, 15, 18)",
        "reviews_X_5.json.gz: 1 × without an item id (line 11)",
        "reviews_X_5.json.gz: 2 × overall is no number (lines 12, 17)",
        "reviews_X_5.json.gz: 1 × unixReviewTime is neither a number nor a date (line 13)",
    ]


def test_metadata_run_no_code_and_repeated_items_stay_once(tmp_path: Path) -> None:
    packed(tmp_path / "reviews_X_5.json", reviews_of_2014())
    lines = metadata_of_2014().splitlines(keepends=True)
    first = b"{'asin': '0000000000', 'title': 'another'}\n"
    bad = [
        b"{'asin': __import__('os').getcwd()}\n",
        b"{'asin': '0000000001', 'price': (3)}\n",
        b"{'asin': 'x'}" + b"[0]" * 10_000 + b"\n",
        b"{'asin': 'x', 'price': " + b"-" * 10_000 + b"1}\n",
        b"{'asin': 'x', 'price': " + b"[" * 10_000 + b"]" * 10_000 + b"}\n",
        b"{['asin']: 'x'}\n",
    ]
    packed(tmp_path / "meta_X.json", b"".join([*lines, first, *bad]))
    _, items, summary = read(tmp_path)
    assert items["item"].tolist() == ITEMS
    assert items["title"][0].startswith("Kleid")
    assert summary == [
        "meta_X.json: 6 × not a JSON object of its own line (lines 26, 27, 28, 29, 30, …)",
        "meta_X.json: 1 × an item that was there before; the first one stays (line 25)",
    ]


def test_a_stray_quote_costs_one_line(tmp_path: Path) -> None:
    lines = [f"u{k},{k:03d},{k}\n".encode() for k in range(50)]
    lines[3] = b'"u3,003,3\n'
    lines[10] = b"u10,010\n"
    lines[11] = b"u11,011,3,4\n"
    lines[12] = b"   \n"
    lines[13] = b'"u,""13""","013\n",5\n'  # a value may hold anything; only an id may not hold a line end
    lines[14] = b"u14,014,\n"
    lines[49] = b'u49,049,"7'
    pairs, _, summary = read(csv_folder(tmp_path, lines))
    assert pairs["item"].tolist() == [f"{k:03d}" for k in range(50) if k not in {3, 10, 11, 12, 49}]
    assert pairs["user"][8:11].tolist() == ["u9", 'u,"13"', "u14"]
    assert np.isnan(pairs["rating"][10])
    assert summary == [
        "pairs.csv: 2 × quotes that do not match, or a value over 131,072 characters (lines 5, 52)",
        "pairs.csv: 2 × not 3 values, as in the header (lines 12, 13)",
    ]


def test_very_long_lines_do_not_fill_the_memory(tmp_path: Path) -> None:
    lines = [b"a,1,1\n", b"b," + b"2" * MAX_LINE + b"2,2\n", b"c,3,3\n"]
    pairs, _, summary = read(csv_folder(tmp_path, lines))
    assert pairs["user"].tolist() == ["a", "c"]
    assert summary == ["pairs.csv: 1 × longer than 16 MiB (line 3)"]


def test_infinite_ratings_and_labels_beyond_the_splits_are_broken(tmp_path: Path) -> None:
    rows = b"".join(b"0\t%d\t5\t0\n" % k for k in range(9)) + b"0\t9\tinf\t0\n0\t8\t5\t3\n0\t7\tnan\t2\n"
    packed(tmp_path / "a.inter", b"userID\titemID\trating\tx_label\n" + rows)
    pairs, _, summary = read(tmp_path)
    assert pairs["item"].tolist() == [*map(str, range(9)), "7"]
    assert np.isnan(pairs["rating"].iloc[-1])
    assert summary == [
        "a.inter: 1 × rating is no number (line 11)",
        "a.inter: 1 × x_label is none of 0, 1, 2 (line 12)",
    ]


def test_pictures_outside_the_folder_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"jpg")
    shop = tmp_path / "shop"
    (shop / "images").mkdir(parents=True)
    (shop / "images" / "a.jpg").write_bytes(b"jpg")
    (shop / "images" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (shop / "images" / "loop.jpg").symlink_to("loop.jpg")
    csv_folder(shop, [b"u,1,1\n"])
    places = {
        "images/a.jpg": "images/a.jpg",
        "images/../images/./a.jpg": "images/a.jpg",
        "../secret.jpg": "",
        str(tmp_path / "secret.jpg"): "",
        "images/link.jpg": "",
        "images/loop.jpg": "",
        "images": "",
        "file:///etc/passwd": "",
        "HTTPS://example.com/a.jpg?x=1": "HTTPS://example.com/a.jpg?x=1",
        "http://g-ecx.images-amazon.com/images/G/01/x-site/icons/no-img-sm._V192198896_.gif": "",
        "": "",
        "a" * 5000: "",
    }
    rows = "".join(f"{row},name,{place}\n" for row, place in enumerate(places))
    packed(shop / "items.csv", f"item_id,name,picture\n{rows}".encode())
    _, items, summary = read(shop)
    assert dict(zip(places, items["picture"], strict=True)) == places
    assert summary == [
        "items.csv: 3 × a picture outside the folder (lines 4, 5, 6)",
        "items.csv: 3 × a picture that is not there (lines 7, 8, 13)",
        "items.csv: 1 × a picture address that is not http(s) (line 9)",
        "items.csv: 1 × a placeholder instead of a picture (line 11)",
    ]


def test_ids_that_are_paths_stay_ids(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    csv_folder(tmp_path, [b"../../etc,/etc/passwd,1\n"])
    packed(tmp_path / "items.csv", b"item_id,name\n/etc/passwd,x\n../pairs,y\n")
    pairs, items, _ = read(tmp_path)
    assert pairs["item"].tolist() == ["/etc/passwd"]
    assert items["picture"].tolist() == ["", ""]


def test_reports_go_into_a_manifest(tmp_path: Path) -> None:
    csv_folder(tmp_path, [b"u,1,1\n"] * 9 + [b"u,1\n"] * 7)
    report = Report()
    assert sum(map(len, open_source(tmp_path).interactions(report))) == report.kept[tmp_path / "pairs.csv"] == 9
    assert report.to_dict() == [
        {"file": "pairs.csv", "reason": "not 3 values, as in the header", "count": 7, "first": [11, 12, 13, 14, 15]}
    ]
    assert "(lines 11, 12, 13, 14, 15, …)" in report.summary()[0]


# --- errors


@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
@pytest.mark.parametrize("file", ["reviews_Clothing_5.json.gz", "meta_Clothing.json.gz"])
def test_a_gz_file_that_is_cut_off_is_an_error(tmp_path: Path, file: str, share: float) -> None:
    path = amazon2014(tmp_path) / file
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=rf"{file} is cut off.*fetch the file again"):
        read(tmp_path)


def test_a_gz_file_with_a_flipped_bit_is_an_error(tmp_path: Path) -> None:
    path = amazon2014(tmp_path) / "meta_Clothing.json.gz"
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # in the checksum
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"meta_Clothing\.json\.gz cannot be read \(CRC check failed"):
        read(tmp_path)


def test_names_need_not_tell_what_is_packed(tmp_path: Path) -> None:
    (tmp_path / "reviews_X_5.json").write_bytes(gzip.compress(reviews_of_2014()))
    (tmp_path / "meta_X.json.gz").write_bytes(metadata_of_2014())
    pairs, items, summary = read(tmp_path)
    assert (len(pairs), len(items), summary) == (60, 24, [])


def test_a_mostly_broken_file_is_an_error_that_says_why(tmp_path: Path) -> None:
    lines = [b"u,1,1\n"] * 3 + [b"only one\n"] * 4
    with pytest.raises(DataError, match=r"pairs\.csv is mostly broken: 4 × not 3 values.*\(lines 5, 6, 7, 8\)"):
        read(csv_folder(tmp_path, lines))
    with pytest.raises(DataError, match=r"1 × without a user id \(line 2\)"):
        read(csv_folder(tmp_path, [b",1,1\n"]))
    assert len(read(csv_folder(tmp_path, lines[:6]))[0]) == 3, "half is not most"


def test_a_long_broken_file_is_given_up_early(tmp_path: Path) -> None:
    csv_folder(tmp_path, [b"only one\n"] * 5000)
    report = Report()
    with pytest.raises(DataError, match="mostly broken: 1,000 ×"):
        list(open_source(tmp_path).interactions(report))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "pairs.csv is empty; it needs a header line"),
        (b"\n \n", "pairs.csv is empty"),
        (b"user_id,item_id\n", "pairs.csv holds no records"),
        ("user_id,item_id\n1,2\n".encode("utf-16"), "pairs.csv is UTF-16; save it as UTF-8"),
        (b'"user_id,item_id\n1,2\n', "line 1: the header cannot be read"),
    ],
)
def test_files_without_records_or_header(tmp_path: Path, content: bytes, message: str) -> None:
    packed(tmp_path / "pairs.csv", content)
    with pytest.raises(DataError, match=message):
        list(open_source(tmp_path).interactions(Report()))


def test_parquet_that_is_cut_off(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = WRITERS["own_parquet"][1](tmp_path) / "events.parquet"
    source = open_source(tmp_path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"events\.parquet cannot be read as Parquet"):
        list(source.interactions(Report()))


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "events.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match="pip install pyarrow"):
        open_source(tmp_path)
