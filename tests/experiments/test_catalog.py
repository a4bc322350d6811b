import hashlib
from pathlib import Path

import numpy as np
import pytest

from brmrs_graph.errors import DataError
from experiments import catalog
from experiments.prepare import PrepareSettings, prepare


def test_the_built_in_data_set_is_found_without_a_root() -> None:
    assert catalog.find("boutique", None) == catalog.BUILT_IN / "boutique"
    data = catalog.load("boutique", features=False)
    assert data.synthetic and data.num_items == 1200


def test_a_data_set_is_found_under_the_root_that_is_given(shops: Path) -> None:
    assert catalog.find("shop", shops) == shops / "shop"
    data = catalog.load("shop", shops)
    assert data.modalities == ("visual", "textual") and not data.synthetic
    assert catalog.load("shop", shops, features=False).modalities == ()


def test_a_root_is_not_mixed_with_the_built_in_data(shops: Path) -> None:
    with pytest.raises(DataError, match="data set 'boutique' is not there"):
        catalog.find("boutique", shops)


def test_the_message_for_an_absent_data_set_says_all_that_helps(shops: Path) -> None:
    with pytest.raises(DataError) as caught:
        catalog.find("clothes", shops)
    for part in (
        str(shops / "clothes" / "clothes.inter"),
        "--data-root",
        "python -m experiments.prepare --dataset clothes --from DIR",
        "Found there: bare, shop;",
        "--dataset boutique",
    ):
        assert part in str(caught.value)


def test_what_is_wrong_with_a_root_is_told_before_anything_is_fetched(shops: Path) -> None:
    catalog.ensure_available("shop", shops)
    catalog.ensure_available("boutique", None)
    catalog.ensure_available("planted", shops / "nowhere")
    catalog.ensure_available("tiktok", shops)  # can be fetched to it
    with pytest.raises(DataError, match="nowhere is no folder; correct it"):
        catalog.ensure_available("tiktok", shops / "nowhere")
    with pytest.raises(DataError, match="is the folder of 'shop' itself; give the one that holds it"):
        catalog.ensure_available("shop", shops / "shop")
    with pytest.raises(DataError, match="data set 'clothes' is not there"):
        catalog.ensure_available("clothes", shops)


def test_a_card_says_whether_data_are_synthetic(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "made.inter").write_text("userID\titemID\tx_label\n0\t0\t0\n")
    assert catalog.describe(folder).licence == ""
    assert not catalog.load("made", tmp_path).synthetic
    (folder / "dataset.yaml").write_text("synthetic: true\nlicence: MIT\n")
    assert catalog.describe(folder).licence == "MIT"
    assert catalog.load("made", tmp_path).synthetic


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("BRMRS_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert catalog.cache_dir() == tmp_path / "home" / ".cache" / "brmrs-graph"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert catalog.cache_dir() == tmp_path / "xdg" / "brmrs-graph"
    monkeypatch.setenv("BRMRS_CACHE", str(tmp_path / "own"))
    assert catalog.cache_dir() == tmp_path / "own"


def test_a_file_that_was_changed_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    content = "userID\titemID\tx_label\n0\t0\t0\n"
    (folder / "shop.inter").write_text(content)
    digest = hashlib.sha256(content.encode()).hexdigest()
    (folder / "dataset.yaml").write_text(f"sha256:\n  shop.inter: {digest}\n")
    catalog.load("shop", tmp_path, features=False)
    (folder / "shop.inter").write_text(content + "1\t0\t0\n")
    with pytest.raises(DataError, match=r"shop\.inter is not the file that .*dataset\.yaml describes"):
        catalog.load("shop", tmp_path, features=False)


def test_data_that_are_not_the_described_ones_are_told_wherever_they_lie(
    shops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "BUILT_IN", tmp_path)
    (tmp_path / "shop").mkdir()
    source = "{name: web, files: [{name: a, urls: ['http://127.0.0.1/a']}]}"
    (tmp_path / "shop" / "dataset.yaml").write_text(f"counts: {{users: 40, items: 31}}\nsources: [{source}]\n")
    (note,) = catalog.load("shop", shops).notes
    assert str(tmp_path / "shop" / "dataset.yaml") in note and "30 items instead of 31" in note
    assert catalog.load("bare", shops).notes == ()


def test_a_prepared_file_that_was_changed_is_named(tmp_path: Path, shops: Path) -> None:
    prepare(PrepareSettings(dataset="shop", source=shops, out=tmp_path))
    assert catalog.load("shop", tmp_path).features
    path = tmp_path / "shop" / "text_feat.npy"
    np.save(path, np.load(path) + 1)
    with pytest.raises(DataError, match=r"text_feat\.npy is not the file that .*manifest\.json describes"):
        catalog.load("shop", tmp_path)
    assert not catalog.load("shop", tmp_path, features=False).features


def test_a_table_of_items_that_was_sorted_anew_is_named(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("itemID\nb\na\n")
    with pytest.raises(DataError, match=r"items\.csv is not the file that"):
        catalog.check_files(tmp_path, {"items.csv": "0" * 64}, "manifest.json", features=False)
