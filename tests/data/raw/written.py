"""Small raw data sets of every layout, written byte by byte; all hold the same users, items and ratings."""

import gzip
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

ITEMS = [f"{number:010d}" for number in range(24)]  # leading zeros
USERS = ["00ÄRA", "A1", "用户", "u 4", "0005", "005"]
PAIRS = [(USERS[k % 6], ITEMS[(7 * k + k // 6) % 24], 1 + k % 5, 1_400_000_000 + 86_400 * k) for k in range(60)]
DIM = 4096


def packed(path: Path, content: bytes) -> Path:
    """Writes a file, gzipped if its name says so."""
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def json_lines(records: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def loose_lines(records: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(f"{record!r}\n" for record in records).encode()


def separated(header: list[str], rows: Iterable[Iterable[object]], delimiter: str, end: str = "\n") -> bytes:
    lines = [header, *([str(value) for value in row] for row in rows)]
    return "".join(delimiter.join(line) + end for line in lines).encode()


def title(item: str) -> str:
    return f"Kleid Nr. {int(item)} – “été”, it's 5\" long"


def image_features(items: Iterable[str], dim: int = DIM) -> bytes:
    return b"".join(item.encode() + np.full(dim, int(item) + 1, dtype="<f4").tobytes() for item in items)


def reviews_of_2014() -> bytes:
    return json_lines(
        {"reviewerID": u, "asin": i, "overall": float(r), "unixReviewTime": t, "reviewText": 'Ünïcode \n\t\\ "q"'}
        for u, i, r, t in PAIRS
    )


def metadata_of_2014() -> bytes:
    records = [
        {
            "asin": item,
            "title": title(item),
            "price": 3.17,
            "imUrl": f"http://ecx.example.com/images/I/{item}.jpg",
            "related": {"also_bought": ITEMS[:3], "bought_together": []},
            "salesRank": {"Clothing": 1000 + int(item)},
            "brand": "Ærø",
            "categories": [["Clothing", "Girls"], ["Clothing", "Dresses"]],
            "description": "Two\nlines.",
        }
        for item in ITEMS
    ]
    return loose_lines(records[:12]) + json_lines(records[12:])


def amazon2014(folder: Path) -> Path:
    packed(folder / "reviews_Clothing_5.json.gz", reviews_of_2014())
    packed(folder / "meta_Clothing.json.gz", metadata_of_2014())
    packed(folder / "image_features_Clothing.b", image_features(ITEMS[:20]))
    return folder


def amazon2018(folder: Path) -> Path:
    reviews = json_lines(
        {"overall": float(r), "reviewerID": u, "asin": i, "unixReviewTime": t, "vote": "2", "image": ["http://x/u.jpg"]}
        for u, i, r, t in PAIRS
    )
    metadata = json_lines(
        {
            "category": ["Clothing", "Dresses", "Clothing"],
            "description": ["First sentence.", "", "Second sentence."],
            "title": title(item),
            "brand": "Ærø",
            "feature": ["100% cotton", "Machine wash"],
            "main_cat": "Fashion",
            "imageURL": [f"https://m.example.com/{item}._SS40_.jpg"],
            "imageURLHighRes": [f"https://m.example.com/{item}.jpg"] if int(item) % 2 else [],
            "asin": item,
        }
        for item in ITEMS
    )
    packed(folder / "Clothing_5.json.gz", reviews)
    packed(folder / "meta_Clothing.json.gz", metadata)
    return folder


def amazon2023(folder: Path) -> Path:
    reviews = json_lines(
        {
            "rating": float(r),
            "title": "Nice",
            "text": "ok",
            "images": [],
            "asin": "B0VARIANT0",
            "parent_asin": i,
            "user_id": u,
            "timestamp": 1000 * t + 123,
        }
        for u, i, r, t in PAIRS
    )
    metadata = json_lines(
        {
            "main_category": "Fashion",
            "title": title(item),
            "average_rating": 4.5,
            "features": ["100% cotton", "Machine wash"],
            "description": ["First sentence.", "Second sentence."],
            "price": None,
            "images": [
                {"thumb": "https://m.example.com/b.t.jpg", "large": "https://m.example.com/b.jpg", "variant": "PT01"},
                {"thumb": f"https://m.example.com/{item}.t.jpg", "large": None, "variant": "MAIN", "hi_res": None},
            ],
            "store": None,
            "categories": ["Clothing", "Dresses"],
            "details": {"Color": "Red"},
            "parent_asin": item,
        }
        for item in ITEMS
    )
    packed(folder / "Clothing.jsonl.gz", reviews)
    packed(folder / "meta_Clothing.jsonl.gz", metadata)
    return folder


def mmrec(folder: Path) -> Path:
    rows = [(USERS.index(u), int(i), r, t, (0, 0, 0, 1, 2)[k % 5]) for k, (u, i, r, t) in enumerate(PAIRS)]
    header = ["userID", "itemID", "rating", "timestamp", "x_label"]
    packed(folder / "clothing.inter", separated(header, rows, "\t"))
    features = np.arange(1, len(ITEMS) + 1, dtype=np.float32)[:, None] * np.ones((1, 8), dtype=np.float32)
    features[3] = 0
    np.save(folder / "image_feat.npy", features)
    np.save(folder / "text_feat.npy", features[:, :4].astype(np.float64))
    return folder


def recbole(folder: Path) -> Path:
    header = ["user_id:token", "item_id:token", "rating:float", "timestamp:float"]
    packed(folder / "clothing.inter", separated(header, PAIRS, "\t"))
    rows = [(item, f'"Great" {title(item)}', "Dress Red", 2014.0) for item in ITEMS]
    header = ["item_id:token", "title:token_seq", "class:token_seq", "year:float"]
    packed(folder / "clothing.item", separated(header, rows, "\t"))
    return folder


def grouplens(folder: Path) -> Path:
    """No header; titles in Latin-1, which has no curved quotes."""
    packed(folder / "ratings.dat", separated([], PAIRS, "::").lstrip(b"\n"))
    titles = ((item, title(item).translate(str.maketrans("“”–", '""-')), "Clothing|Dresses") for item in ITEMS)
    content = "".join("::".join(row) + "\n" for row in titles).encode("latin-1")
    packed(folder / "movies.dat", content)
    return folder


def _quoted(value: object) -> str:
    text = str(value).replace('"', '""')
    return f'"{text}"'


def own_csv(folder: Path) -> Path:
    """As a spreadsheet writes it: semicolons, a byte order mark, CRLF."""
    pairs = separated(
        ["Customer ID", "Article-ID", "t_dat"], [(u, i, "2018-09-20") for u, i, _, _ in PAIRS], ";", "\r\n"
    )
    packed(folder / "purchases.csv", b"\xef\xbb\xbf" + pairs)
    rows = [(item, _quoted(title(item)), _quoted("Two\r\nlines; one"), f"pictures/{item}.jpg") for item in ITEMS]
    items = separated(["article_id", "name", "text", "image"], rows, ";", "\r\n")
    packed(folder / "articles.csv", b"\xef\xbb\xbf" + items)
    (folder / "pictures").mkdir()
    for item in ITEMS[:20]:
        (folder / "pictures" / f"{item}.jpg").write_bytes(b"jpg")
    return folder


def own_tsv(folder: Path) -> Path:
    packed(folder / "interactions.tsv.gz", separated(["userID", "itemID", "rating", "timestamp"], PAIRS, "\t"))
    (folder / "images" / "00").mkdir(parents=True)
    rows = [(item, f"Name {item}") for item in ITEMS]
    packed(folder / "items.tsv", separated(["itemID", "name"], rows, "\t"))
    for item in ITEMS[:20]:
        (folder / "images" / "00" / f"{item}.JPG").write_bytes(b"jpg")
    return folder


def own_json(folder: Path) -> Path:
    packed(folder / "events.jsonl", json_lines({"user": u, "item": i, "stars": r, "ts": t} for u, i, r, t in PAIRS))
    packed(folder / "things.jsonl.gz", json_lines({"item": i, "name": title(i), "tags": ["a", "b"]} for i in ITEMS))
    return folder


def own_parquet(folder: Path) -> Path:
    import pyarrow
    import pyarrow.parquet

    users, items, ratings, times = (list(column) for column in zip(*PAIRS, strict=True))
    table = pyarrow.table({"user_id": users, "item_id": items, "rating": ratings, "timestamp": times})
    pyarrow.parquet.write_table(table, folder / "events.parquet", row_group_size=16)
    names = [title(item) for item in ITEMS]
    table = pyarrow.table({"item_id": ITEMS, "name": names, "tags": [["a", "b"]] * len(ITEMS)})
    pyarrow.parquet.write_table(table, folder / "things.parquet")
    return folder


WRITERS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "amazon2014": ("amazon2014", amazon2014),
    "amazon2018": ("amazon2018", amazon2018),
    "amazon2023": ("amazon2023", amazon2023),
    "mmrec": ("mmrec", mmrec),
    "recbole": ("recbole", recbole),
    "grouplens": ("grouplens", grouplens),
    "own_csv": ("own", own_csv),
    "own_tsv": ("own", own_tsv),
    "own_json": ("own", own_json),
    "own_parquet": ("own", own_parquet),
}
"""Name -> layout that is recognised, and function that writes a folder of it."""
