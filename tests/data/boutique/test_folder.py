import csv
import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from brmrs_graph.data.boutique import (
    VOCABULARY,
    Boutique,
    generate_boutique,
    write_boutique,
    write_tables,
)
from brmrs_graph.data.boutique.pictures import SIZE
from tests.data.boutique.conftest import SMALL

SHIPPED = Path(__file__).parents[3] / "datasets" / "boutique"


def test_the_folder_is_the_same_every_time(tmp_path: Path) -> None:
    config = replace(SMALL, n_items=60, n_users=60, max_pairs=30, picture_missing_share=0.05)
    for name in ("one", "two"):
        write_boutique(tmp_path / name, generate_boutique(config))
    one, two = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two")
    )
    assert one == two
    assert not [path for path in one if path.suffix == ".part"]
    images = [path for path in one if path.suffix == ".png"]
    assert len(images) == 60 - 3
    with Image.open(io.BytesIO(one[images[0]])) as picture:
        assert picture.size == SIZE

    other = generate_boutique(replace(config, seed=config.seed + 1))
    write_tables(tmp_path / "two", other)
    assert (tmp_path / "two" / "boutique.inter").read_bytes() != one[Path("boutique.inter")]


def test_a_picture_that_must_not_be_there_is_removed(tmp_path: Path) -> None:
    config = replace(SMALL, n_items=20, n_users=20, max_pairs=15, picture_missing_share=0.5)
    (tmp_path / "images").mkdir()
    for item in range(20):
        (tmp_path / "images" / f"{item}.png").write_bytes(b"stale")
    write_boutique(tmp_path, generate_boutique(config))
    assert len(list((tmp_path / "images").iterdir())) == 10


def test_the_shipped_files_are_those_of_the_card_and_the_tables_are_the_generated_ones(
    full: Boutique, tmp_path: Path
) -> None:
    write_tables(tmp_path, full)
    card = (SHIPPED / "dataset.yaml").read_text(encoding="utf-8")
    shipped = {path.name for path in SHIPPED.iterdir() if path.is_file()}
    digests = yaml.safe_load(card)["sha256"]
    assert shipped - {"dataset.yaml", "README.md"} == digests.keys()
    for name, digest in digests.items():
        assert hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest() == digest, name
    tables = yaml.safe_load((tmp_path / "dataset.yaml").read_text(encoding="utf-8"))["sha256"]
    assert digests.keys() - tables.keys() == {"image_feat.npy", "text_feat.npy"}
    for name in tables:
        assert (tmp_path / name).read_bytes() == (SHIPPED / name).read_bytes(), name
    assert card.startswith((tmp_path / "dataset.yaml").read_text(encoding="utf-8")), "features' hashes come last"


def test_the_shipped_features_are_zero_exactly_for_the_garments_without_picture_or_text(full: Boutique) -> None:
    for file, lacking, width in (
        ("image_feat.npy", [fault == "missing" for fault in full.picture_faults.fault], 1280),
        ("text_feat.npy", [fault == "empty" for fault in full.text_faults.fault], 384),
    ):
        x = np.load(SHIPPED / file, allow_pickle=False)
        assert x.dtype == np.float16 and x.shape == (full.n_items, width)
        np.testing.assert_array_equal(~x.any(axis=1), lacking)


def test_the_card_says_synthetic_and_counts_right(full: Boutique) -> None:
    card = yaml.safe_load((SHIPPED / "dataset.yaml").read_text(encoding="utf-8"))
    assert card["synthetic"] is True and "SYNTHETIC" in card["description"]
    assert (card["seed"], card["licence"], card["citation"]) == (full.config.seed, "MIT", None)
    splits = np.bincount(full.x_label).tolist()
    assert card["counts"] == {
        "users": full.config.n_users,
        "items": full.config.n_items,
        "pairs": len(full.users),
        **dict(zip(("train", "valid", "test"), splits, strict=True)),
    }
    assert "SYNTHETIC" in (SHIPPED / "README.md").read_text(encoding="utf-8").splitlines()[0]


def test_the_shipped_tables_read_back(full: Boutique) -> None:
    with (SHIPPED / "attributes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["itemID"]) for row in rows] == list(range(full.config.n_items))
    for item in (0, 599, 1199):
        assert {name: rows[item][name] for name in VOCABULARY} == full.attributes.of(item)
    pairs = np.loadtxt(SHIPPED / "boutique.inter", dtype=np.int64, skiprows=1, delimiter="\t")
    np.testing.assert_array_equal(pairs, np.column_stack([full.users, full.items, full.x_label]))
