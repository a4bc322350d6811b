from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from brmrs_graph.data.preparation import collect_items
from brmrs_graph.data.raw import Columns, Report, Source, open_source
from brmrs_graph.errors import ConfigError, DataError
from tests.data.raw.written import ITEMS, PAIRS, USERS, WRITERS, json_lines, own_tsv, packed, recbole, separated, title


def opened(folder: Path, writer: str) -> Source:
    return open_source(WRITERS[writer][1](folder))


def interactions(source: Source, size: int = 1000) -> pd.DataFrame:
    report = Report()
    chunks = list(source.interactions(report, size))
    assert not report.skipped
    assert all(0 < len(chunk) <= size for chunk in chunks)
    return pd.concat(chunks, ignore_index=True)


def items(source: Source, report: Report | None = None) -> pd.DataFrame:
    return pd.concat(source.items(report or Report()), ignore_index=True).set_index("item")


@pytest.mark.parametrize("writer", sorted(WRITERS))
@pytest.mark.parametrize("size", [7, 1000])
def test_every_layout_is_recognised_and_gives_the_same_interactions(tmp_path: Path, writer: str, size: int) -> None:
    source = opened(tmp_path, writer)
    assert source.layout == WRITERS[writer][0]
    table = interactions(source, size)
    numbered = writer == "mmrec"
    assert table["user"].tolist() == [str(USERS.index(u)) if numbered else u for u, _, _, _ in PAIRS]
    assert table["item"].tolist() == [str(int(i)) if numbered else i for _, i, _, _ in PAIRS]
    assert table["rating"].dtype == table["timestamp"].dtype == np.float64
    if writer == "own_csv":
        day = datetime(2018, 9, 20, tzinfo=timezone.utc).timestamp()
        assert table["rating"].isna().all() and (table["timestamp"] == day).all()
    else:
        assert table["rating"].tolist() == [r for _, _, r, _ in PAIRS]
        later = 0.123 if writer == "amazon2023" else 0
        np.testing.assert_allclose(table["timestamp"], [t + later for _, _, _, t in PAIRS], rtol=0, atol=1e-6)
    assert ("x_label" in table) == numbered
    if numbered:
        assert table["x_label"].tolist() == [(0, 0, 0, 1, 2)[k % 5] for k in range(60)]


@pytest.mark.parametrize("writer", sorted(set(WRITERS) - {"mmrec"}))
def test_every_layout_gives_its_items_with_their_texts_as_strings(tmp_path: Path, writer: str) -> None:
    source = opened(tmp_path, writer)
    report = Report()
    chunks = list(source.items(report, 7))
    assert all(len(chunk) <= (7 if writer != "own_parquet" else 24) for chunk in chunks)
    table = pd.concat(chunks, ignore_index=True)
    assert table["item"].tolist() == ITEMS
    assert tuple(table.columns) == ("item", *source.text_fields, "picture")
    assert all(isinstance(value, str) for column in table for value in table[column])
    assert sum(report.kept.values()) == len(ITEMS)


def test_fields_of_2014(tmp_path: Path) -> None:
    source = opened(tmp_path, "amazon2014")
    for item in (ITEMS[3], ITEMS[15]):  # written as a Python dictionary, and as JSON
        assert items(source).loc[item].to_dict() == {
            "title": title(item),
            "brand": "Ærø",
            "categories": "Clothing|Girls|Dresses",
            "description": "Two lines.",
            "picture": f"http://ecx.example.com/images/I/{item}.jpg",
        }
    assert [path.name for path in source.files] == [
        "reviews_Clothing_5.json.gz",
        "meta_Clothing.json.gz",
        "image_features_Clothing.b",
    ]
    (visual,) = source.vectors.values()
    ((names, block),) = visual.read(set(ITEMS[2:5]), Report())
    assert names == ITEMS[2:5] and block.shape == (3, 4096) and block[:, 0].tolist() == [3, 4, 5]


def test_fields_of_2018(tmp_path: Path) -> None:
    table = items(opened(tmp_path, "amazon2018"))
    assert table.loc[ITEMS[3]].to_dict() == {
        "title": title(ITEMS[3]),
        "brand": "Ærø",
        "categories": "Clothing|Dresses",
        "features": "100% cotton|Machine wash",
        "description": "First sentence. Second sentence.",
        "picture": f"https://m.example.com/{ITEMS[3]}.jpg",
    }
    assert table.loc[ITEMS[4], "picture"] == f"https://m.example.com/{ITEMS[4]}._SS40_.jpg", "the next best one"


def test_fields_of_2023(tmp_path: Path) -> None:
    table = items(opened(tmp_path, "amazon2023"))
    assert table.loc[ITEMS[3]].to_dict() == {
        "title": title(ITEMS[3]),
        "store": "",
        "categories": "Clothing|Dresses",
        "features": "100% cotton|Machine wash",
        "description": "First sentence. Second sentence.",
        "picture": f"https://m.example.com/{ITEMS[3]}.t.jpg",  # the main picture, in the one size that there is
    }


def test_ratings_of_2023_may_come_as_a_table(tmp_path: Path) -> None:
    rows = [(u, i, r, 1000 * t) for u, i, r, t in PAIRS]
    packed(tmp_path / "Clothing.csv.gz", separated(["user_id", "parent_asin", "rating", "timestamp"], rows, ","))
    source = open_source(tmp_path)
    assert source.layout == "amazon2023"
    assert interactions(source)["timestamp"].tolist() == [t for _, _, _, t in PAIRS]


def test_without_metadata_the_file_name_tells_2014_from_2018(tmp_path: Path) -> None:
    for name, layout in (("reviews_X_5.json", "amazon2014"), ("X_5.json", "amazon2018")):
        (tmp_path / layout).mkdir()
        packed(tmp_path / layout / name, json_lines([{"reviewerID": "a", "asin": "0000000001", "overall": 5.0}]))
        source = open_source(tmp_path / layout)
        assert source.layout == layout and not list(source.items(Report()))
        assert interactions(source)["timestamp"].isna().all()


def test_mmrec_folders_have_arrays_and_no_items_of_their_own(tmp_path: Path) -> None:
    source = opened(tmp_path, "mmrec")
    assert not list(source.items(Report())) and set(source.vectors) == {"visual", "textual"}
    wanted = [str(row) for row in range(24)]
    ((names, block),) = source.vectors["visual"].read(wanted, Report())
    assert names == [name for name in wanted if name != "3"], "a row of zeros is no vector"
    assert block[:, 0].tolist() == [row + 1 for row in range(24) if row != 3]


def test_rows_of_arrays_follow_items_csv(tmp_path: Path) -> None:
    packed(tmp_path / "shop.inter", b"userID\titemID\na\tz\na\tx\n")
    packed(tmp_path / "items.csv", b"itemID,name\nz,Z\ny,Y\nx,X\n")
    np.save(tmp_path / "text_feat.npy", np.array([[1.0], [2.0], [3.0]]))
    source = open_source(tmp_path)
    assert source.layout == "mmrec"
    ((names, block),) = source.vectors["textual"].read({"x", "z"}, Report())
    assert (names, block.tolist()) == (["z", "x"], [[1.0], [3.0]])


def test_recbole_keeps_quotes_and_leaves_numbers_out(tmp_path: Path) -> None:
    source = opened(tmp_path, "recbole")
    assert source.text_fields == ("title", "class")
    assert items(source).loc[ITEMS[1], "title"] == f'"Great" {title(ITEMS[1])}'


def test_recbole_parts_are_a_split(tmp_path: Path) -> None:
    recbole(tmp_path)
    whole = (tmp_path / "clothing.inter").read_bytes().splitlines(keepends=True)
    for part, lines in (("train", whole[1:41]), ("valid", whole[41:51]), ("test", whole[51:])):
        packed(tmp_path / f"clothing.{part}.inter", b"".join([whole[0], *lines]))
    assert "x_label" not in interactions(open_source(tmp_path)), "the whole comes first"
    (tmp_path / "clothing.inter").unlink()
    table = interactions(open_source(tmp_path))
    assert table["x_label"].tolist() == [0] * 40 + [1] * 10 + [2] * 10
    assert table["item"].tolist() == [i for _, i, _, _ in PAIRS]


def test_grouplens_titles_are_read_in_either_encoding_and_broken_lines_counted(tmp_path: Path) -> None:
    packed(tmp_path / "ratings.dat.gz", b"1::2::5::978300760\r\n\n1::3::4\n2::2::3.5::978302109\n")
    films = b"2::L\xe9on: The Professional (1994)::Crime|Drama\n3::Am\xc3\xa9lie (2001)::Comedy\n4::Se7en::a::b\n"
    packed(tmp_path / "movies.dat", films)
    packed(tmp_path / "tags.dat", b"1::2::good::978300760\n")
    packed(tmp_path / "u.dat", b"1 2\n")
    source, report = open_source(tmp_path), Report()
    assert source.layout == "grouplens" and source.remarks[0].endswith("write it as .csv with a header")
    table = pd.concat(source.interactions(report))
    assert table[["user", "item", "rating"]].to_numpy().tolist() == [["1", "2", 5.0], ["2", "2", 3.5]]
    assert table["timestamp"].tolist() == [978300760, 978302109]
    assert items(source, report)[["title", "genres"]].to_numpy().tolist() == [
        ["Léon: The Professional (1994)", "Crime|Drama"],
        ["Amélie (2001)", "Comedy"],
    ]
    assert report.summary() == [
        "ratings.dat.gz: 1 × not 4 values between '::' (line 3)",
        "movies.dat: 1 × not 3 values between '::' (line 3)",
    ]


def test_own_tables_say_what_was_guessed_and_find_their_pictures(tmp_path: Path) -> None:
    report = Report()
    source = opened(tmp_path, "own_csv")
    assert source.remarks == (
        "purchases.csv read as interactions with user = Customer ID, item = Article-ID, timestamp = t_dat",
        "articles.csv read as items with item = article_id, picture = image",
    )
    table = items(source, report)
    assert table.loc[ITEMS[2]].to_dict() == {
        "name": title(ITEMS[2]),
        "text": "Two lines; one",
        "picture": f"pictures/{ITEMS[2]}.jpg",
    }
    assert table.loc[ITEMS[20], "picture"] == ""
    # Each row takes two lines.
    assert report.summary() == ["articles.csv: 4 × a picture that is not there (lines 42, 44, 46, 48)"]


def test_pictures_named_by_item_are_found_in_folders_below_images(tmp_path: Path) -> None:
    table = items(opened(tmp_path, "own_tsv"))
    assert table["picture"].tolist() == [f"images/00/{item}.JPG" for item in ITEMS[:20]] + [""] * 4


def test_pictures_of_one_name_in_several_folders_are_told_and_the_first_is_taken(tmp_path: Path) -> None:
    packed(tmp_path / "sales.csv", b"user,item\nu,1\n")
    packed(tmp_path / "things.csv", b"item,title\n1,one\n2,two\n3,three\n")
    for place in ("b/1.jpg", "a/1.jpg", "a/2.png", "b/2.jpg", "a/3.png", "a/3.jpg"):
        (tmp_path / "images" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / place).write_bytes(b"jpg")
    source, report = open_source(tmp_path), Report()
    assert items(source, report)["picture"].tolist() == ["images/a/1.jpg", "images/b/2.jpg", "images/a/3.jpg"]
    told = (
        "images: 2 × a picture whose name is in several folders; the first by its kind and path is taken (items 1, 2)"
    )
    assert report.summary() == [told], "two kinds in one folder are a choice that is written down"
    packed(tmp_path / "things.csv", b"item,title\n2,two\n")
    report = Report()
    places = collect_items(open_source(tmp_path), ["1", "2"], tmp_path, report).pictures
    assert places == {"1": "images/a/1.jpg", "2": "images/b/2.jpg"} and len(report.summary()) == 1
    assert report.to_dict()[0]["first"] == ["2", "1"]


def test_given_columns_go_before_guesses(tmp_path: Path) -> None:
    packed(tmp_path / "a.csv", b"user,who,item,thing,when\n1,2,3,04,5\n")
    packed(tmp_path / "b.csv", b"thing,user_count,words,item\n04,,hello,x\n")
    columns = Columns(user="who", item="thing", timestamp="when")
    source = open_source(tmp_path, columns=columns, interactions=tmp_path / "a.csv", items=tmp_path / "b.csv")
    assert interactions(source).iloc[0].to_dict()["user"] == "2"
    assert interactions(source)[["item", "timestamp"]].values.tolist() == [["04", 5.0]]
    assert items(source).loc["04"].to_dict() == {"user_count": "", "words": "hello", "item_text": "x", "picture": ""}


def test_columns_that_are_not_there_are_named(tmp_path: Path) -> None:
    own_tsv(tmp_path)
    pairs, table = tmp_path / "interactions.tsv.gz", tmp_path / "items.tsv"
    for columns, message in (
        (Columns(user="who"), r"interactions\.tsv\.gz has no column 'who' for the user; .* --columns\.user: userID"),
        (Columns(picture="photo"), r"items\.tsv has no column 'photo' .* --columns\.picture: itemID, name$"),
    ):
        with pytest.raises(DataError, match=message):
            open_source(tmp_path, columns=columns, interactions=pairs, items=table)
    packed(tmp_path / "other.csv", b"a,b\n1,2\n")
    with pytest.raises(DataError, match=r"which column holds the user\? There are: a, b\. .*--columns\.user NAME"):
        open_source(tmp_path, interactions=tmp_path / "other.csv")
    with pytest.raises(DataError, match=r"which column holds the item\?.*--columns\.item NAME.*--items FILE"):
        open_source(tmp_path, interactions=pairs, items=tmp_path / "other.csv")


def test_the_name_decides_among_several_files(tmp_path: Path) -> None:
    for name in ("Baby", "Sports"):
        packed(tmp_path / f"reviews_{name}_5.json", json_lines([{"reviewerID": name, "asin": "1", "overall": 5.0}]))
    with pytest.raises(DataError, match=r"which file holds the reviews: .*Baby.*Sports.*\? Give .*\(--dataset\)"):
        open_source(tmp_path)
    assert interactions(open_source(tmp_path, name="sports"))["user"].tolist() == ["Sports"]


def test_an_own_table_that_cannot_be_told_is_asked_for_with_its_option(tmp_path: Path) -> None:
    packed(tmp_path / "a.csv", b"user,item\n1,2\n")
    packed(tmp_path / "b.csv", b"user,item\n1,2\n")
    with pytest.raises(DataError, match=r"the interactions: .*a\.csv.*b\.csv\? Name it \(--interactions FILE\), give"):
        open_source(tmp_path)
    for name in ("b.csv", "c.csv"):
        packed(tmp_path / name, b"item,title\n2,hat\n")
    with pytest.raises(DataError, match=r"the items: .*\? Name it \(--interactions FILE --items FILE\)"):
        open_source(tmp_path)
    source = open_source(tmp_path, interactions=tmp_path / "a.csv", items=tmp_path / "c.csv")
    assert [path.name for path in source.files] == ["a.csv", "c.csv"]
    for option, files in (("--interactions", ("no.csv", None)), ("--items", ("a.csv", "no.csv"))):
        interactions, items = (name and tmp_path / name for name in files)
        with pytest.raises(DataError, match=rf"no\.csv is no file; give the path of your table as {option} FILE"):
            open_source(tmp_path, interactions=interactions, items=items)


def test_a_layout_can_be_asked_for(tmp_path: Path) -> None:
    WRITERS["amazon2014"][1](tmp_path)
    assert open_source(tmp_path, layout="own").layout == "own"
    with pytest.raises(DataError, match=r"does not look like recbole.*--columns\.user NAME.*--interactions FILE"):
        open_source(tmp_path, layout="recbole")
    with pytest.raises(ConfigError, match="layout 'amazon' is not known; there are: recbole, mmrec"):
        open_source(tmp_path, layout="amazon")


def test_what_is_no_data_set_is_described(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be listed"):
        open_source(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no tables at all"):
        open_source(tmp_path)
    packed(tmp_path / "readme.txt", b"hello\n")
    packed(tmp_path / "empty.csv", b"")
    packed(tmp_path / "names.csv", b"item_id,name\n1,a\n")
    with pytest.raises(
        DataError, match=r"names\.csv with item_id, name; readme\.txt with hello; .*empty\.csv is empty"
    ):
        open_source(tmp_path)


def test_what_only_looks_like_a_table_is_left_out_and_said(tmp_path: Path) -> None:
    WRITERS["amazon2018"][1](tmp_path)
    packed(tmp_path / "dataset_info.json", b'{\n  "a": 1\n}\n')
    packed(tmp_path / "notes.txt", b"")
    source = open_source(tmp_path)
    assert source.layout == "amazon2018"
    one, two = source.remarks
    assert one.startswith("left out:") and "dataset_info.json holds no JSON objects" in one
    assert "notes.txt is empty" in two


@pytest.mark.parametrize(
    ("interactions", "items", "columns"),
    [
        ("shop.inter", "items.csv", "userID\titemID\n"),
        ("shop.inter", "shop.item", "user_id:token\titem_id:token\n"),
        ("sales.tsv", "things.tsv", "user_id\titem_id\n"),
    ],
)
def test_texts_may_be_called_like_what_is_known_of_an_item(
    tmp_path: Path, interactions: str, items: str, columns: str
) -> None:
    end, number = (":token", "n:float") if ":" in columns else ("", "")
    comma = "," if items.endswith(".csv") else "\t"
    (tmp_path / interactions).write_text(f"{columns}u\t1\n")
    item = columns.split("\t")[1].strip()
    rows = [(item, f"item{end}", f"item_text{end}", number), ("1", "red", "hat", "0")]
    (tmp_path / items).write_text("".join(f"{comma.join(row)}\n" for row in rows))
    source = open_source(tmp_path, name="shop")
    (chunk,) = source.items(Report())
    assert chunk[["item", "item_text", "item_text_text"]].to_numpy().tolist() == [["1", "red", "hat"]]
    assert set(source.text_fields) == {"item_text", "item_text_text"}


def test_columns_and_files_that_are_named_are_never_passed_over(tmp_path: Path) -> None:
    review = '{"reviewerID": "u", "asin": "i", "overall": 1, "unixReviewTime": 1, "reviewText": "", "mine": 5}\n'
    (tmp_path / "reviews.json").write_text(review)
    assert open_source(tmp_path).layout == "amazon2018"
    source = open_source(tmp_path, columns=Columns(rating="mine"))
    assert source.layout == "own" and source.pairs[0].rating == "mine"
    with pytest.raises(ConfigError, match=r"the layout 'amazon2018' are known; .*--layout own"):
        open_source(tmp_path, layout="amazon2018", columns=Columns(rating="mine"))
    with pytest.raises(ConfigError, match=r"name the file of interactions as well \(--interactions FILE\)"):
        open_source(tmp_path, items=tmp_path / "items.csv")


def test_an_index_without_a_name_is_no_column_of_anything(tmp_path: Path) -> None:
    pd.DataFrame({"user_id": ["u"], "item_id": ["7"]}).to_csv(tmp_path / "sales.csv")
    pd.DataFrame({"item_id": ["7"], "title": ["red"]}).to_csv(tmp_path / "things.csv")
    source = open_source(tmp_path)
    assert source.text_fields == ("title",)
    assert [list(chunk["item"]) for chunk in (*source.interactions(Report()), *source.items(Report()))] == [
        ["7"],
        ["7"],
    ]


@pytest.mark.parametrize(
    ("times", "seconds", "remark"),
    [
        (["1537401600000", "", "1537401600123", "0"], [1537401600.0, 1537401600.123, 0.0], "time in milliseconds"),
        (["1537401600", "99999999999999"], [1537401600.0, 99999999999999.0], "time"),
        (["2018-09-20T00:00:00.123", "2018-09-20"], [1537401600.123, 1537401600.0], "time"),
    ],
)
def test_own_times_may_be_in_milliseconds(tmp_path: Path, times: list[str], seconds: list[float], remark: str) -> None:
    (tmp_path / "sales.csv").write_text("".join(f"{row}\n" for row in ["user,item,time", *(f"u,i,{t}" for t in times)]))
    source = open_source(tmp_path)
    assert source.remarks == (f"sales.csv read as interactions with user = user, item = item, timestamp = {remark}",)
    assert interactions(source)["timestamp"].dropna().tolist() == pytest.approx(seconds, rel=0, abs=1e-6)
