from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.data.download import Expected
from brmrs_graph.data.preparation import SPLIT_RULES
from brmrs_graph.data.raw import LAYOUTS
from brmrs_graph.errors import DataError
from experiments.catalog import BUILT_IN
from experiments.description import DatasetDescription, RawFile, RawSource, read_description
from experiments.prepare import PrepareSettings

FILE = {"name": "a.inter", "urls": ["https://one.org/a", "http://two.org/a"], "sha256": "A" * 64, "bytes": 7}
SOURCE = {"name": "first", "files": [FILE]}


def read(folder: Path, **fields: Any) -> DatasetDescription:
    path = folder / "dataset.yaml"
    path.write_text(yaml.safe_dump(fields), encoding="utf-8")
    return read_description(path)


def test_everything_is_read(tmp_path: Path) -> None:
    other = {"name": "more.zip", "urls": ["https://one.org/more.zip"], "sha256": None, "bytes": None}
    found = read(
        tmp_path,
        name="shop",
        synthetic=True,
        description="A shop.",
        licence="MIT",
        citation=None,
        counts={"users": 3, "pairs": None},
        split_hash="0123",
        sources=[
            SOURCE | {"gives": "all", "checked": "nothing", "prepare": {"split": "given", "text_fields": ["title"]}},
            {"name": "second", "archive": True, "by_name": True, "files": [other]},
        ],
        by_hand="Ask.",
        sha256={"shop.inter": "0"},
        own_field="anything",
    )
    a = RawFile("a.inter", ("https://one.org/a", "http://two.org/a"), Expected("A" * 64, 7))
    more = RawFile("more.zip", ("https://one.org/more.zip",), Expected())
    assert found == DatasetDescription(
        path=tmp_path / "dataset.yaml",
        name="shop",
        synthetic=True,
        description="A shop.",
        licence="MIT",
        counts={"users": 3},
        split_hash="0123",
        sources=(
            RawSource("first", (a,), "all", "nothing", {"split": "given", "text_fields": ("title",)}),
            RawSource("second", (more,), archive=True, by_name=True),
        ),
        by_hand="Ask.",
        sha256={"shop.inter": "0"},
    )


def test_nothing_needs_to_be_there(tmp_path: Path) -> None:
    assert read(tmp_path) == DatasetDescription(tmp_path / "dataset.yaml")
    assert read(tmp_path, sources="generated").sources == ()


@pytest.mark.parametrize(
    "content", [b"a: [", b"- synthetic\n", b"\xff\xfe\x00", b"a: 2024-13-45", b"a: !!python/object:os.system {}"]
)
def test_what_is_no_description_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "dataset.yaml").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_description(tmp_path / "dataset.yaml")
    assert str(tmp_path / "dataset.yaml") in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"synthetic": "yes, it is"}, "synthetic must be true or false, not 'yes, it is'"),
        ({"licence": 7}, "licence must be text, not 7"),
        ({"counts": {"users": "many"}}, "counts.users must be a whole number, not 'many'"),
        ({"counts": {"users": True}}, "counts.users must be a whole number, not True"),
        ({"counts": [1]}, r"counts must be names and values, not \[1\]"),
        ({"sha256": 7}, "sha256 must be names and values, not 7"),
        ({"sources": {"first": 1}}, "sources must be a list"),
        ({"sources": ["first"]}, r"sources\[0\] must hold names and values"),
        ({"sources": [{"name": "first"}]}, r"sources\[0\].files must be at least one file"),
        ({"sources": [{"files": [FILE]}]}, r"sources\[0\].name must be a plain name, not ''"),
        ({"sources": [SOURCE | {"name": "../up"}]}, r"sources\[0\].name must be a plain name, not '../up'"),
        ({"sources": [SOURCE | {"order": 1}]}, r"sources\[0\] has unknown fields: order"),
        ({"sources": [SOURCE | {"archive": True, "files": [FILE, FILE]}]}, r"sources\[0\].files must be one archive"),
        ({"sources": [{"name": "x", "files": [FILE | {"name": "a/b"}]}]}, r"files\[0\].name must be a plain file name"),
        ({"sources": [{"name": "x", "files": [FILE | {"name": ".."}]}]}, r"files\[0\].name must be a plain file name"),
        ({"sources": [{"name": "x", "files": [FILE | {"sha256": "12"}]}]}, r"files\[0\].sha256 must be 64 hex"),
        ({"sources": [{"name": "x", "files": [FILE | {"bytes": "1k"}]}]}, r"files\[0\].bytes must be a whole number"),
        ({"sources": [{"name": "x", "files": [FILE | {"urls": []}]}]}, r"files\[0\].urls must be a list of http"),
        ({"sources": [{"name": "x", "files": [FILE | {"urls": ["file:///etc"]}]}]}, r"files\[0\].urls must be a list"),
        ({"name": "../shop"}, "name must be a plain name"),
        ({"sources": [{"name": "x", "files": [FILE | {"url": "x"}]}]}, r"files\[0\] has unknown fields: url"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, **fields)
    assert str(caught.value).startswith(f"{tmp_path / 'dataset.yaml'}: ")


# --- whether a data set is the described one


def test_the_published_split_needs_no_remark(toy: MultimodalDataset, tmp_path: Path) -> None:
    bare = replace(toy, features={}, missing={})
    found = read(tmp_path, counts={"users": 14}, split_hash=bare.content_hash, sources=[SOURCE])
    assert found.remarks(toy) == found.remarks(bare) == ()


def test_other_counts_and_another_split_are_told(toy: MultimodalDataset, tmp_path: Path) -> None:
    counts = {"users": 14, "items": 20, "pairs": 1400, "train": 84}
    (remark,) = read(tmp_path, counts=counts, sources=[SOURCE]).remarks(toy)
    assert "18 items instead of 20, 140 pairs instead of 1,400. Results do not compare" in remark
    (remark,) = read(tmp_path, counts={"pairs": 140}, split_hash="0" * 16, sources=[SOURCE]).remarks(toy)
    assert "the same counts, but other pairs or another split" in remark


def test_without_a_published_split_counts_are_enough(toy: MultimodalDataset, tmp_path: Path) -> None:
    assert read(tmp_path, counts={"pairs": 140, "test": 28}, sources=[SOURCE]).remarks(toy) == ()


def test_generated_data_are_not_compared(toy: MultimodalDataset, tmp_path: Path) -> None:
    assert read(tmp_path, counts={"pairs": 1}, sources="generated").remarks(toy) == ()


# --- the descriptions of this project

DESCRIBED = sorted(path.parent.name for path in BUILT_IN.glob("*/dataset.yaml"))


def test_the_data_sets_that_are_described() -> None:
    assert {"baby", "sports", "clothing", "electronics", "movielens", "tiktok"} < set(DESCRIBED)


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_description_is_whole(name: str) -> None:
    found = read_description(BUILT_IN / name / "dataset.yaml")
    counts = found.counts
    assert found.name == name and found.description and found.licence and (found.path.parent / "README.md").is_file()
    assert {"users", "items", "pairs"} <= set(counts)
    assert counts.get("train", counts["pairs"]) == counts["pairs"] - counts.get("valid", 0) - counts.get("test", 0)
    assert found.synthetic or (found.citation and found.by_hand and not found.sources[0].by_name)
    for source in found.sources:
        assert source.gives and source.checked
        made = replace(PrepareSettings(), **source.prepare)
        assert made.layout in LAYOUTS and made.split in SPLIT_RULES


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("baby", (19445, 7050, 160792, 118551, 20559, 21682)),
        ("sports", (35598, 18357, 296337, 218409, 37899, 40029)),
        ("clothing", (39387, 23033, 278677, 197338, 40150, 41189)),
        ("tiktok", (9308, 6710, 68722, 59541, 3051, 6130)),
    ],
)
def test_published_counts(name: str, counts: tuple[int, ...]) -> None:
    assert tuple(read_description(BUILT_IN / name / "dataset.yaml").counts.values()) == counts
