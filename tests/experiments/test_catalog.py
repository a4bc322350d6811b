import hashlib
from pathlib import Path

import pytest

from brmrs_graph.errors import DataError
from experiments import catalog


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
        "python -m experiments.prepare --dataset clothes",
        "Found there: bare, shop;",
        "--dataset boutique",
    ):
        assert part in str(caught.value)


def test_a_card_says_whether_data_are_synthetic(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "made.inter").write_text("userID\titemID\tx_label\n0\t0\t0\n")
    assert catalog.describe(folder) == {}
    assert not catalog.load("made", tmp_path).synthetic
    (folder / "dataset.yaml").write_text("synthetic: true\nlicence: MIT\n")
    assert catalog.describe(folder) == {"synthetic": True, "licence": "MIT"}
    assert catalog.load("made", tmp_path).synthetic
    (folder / "dataset.yaml").write_text("")
    assert catalog.describe(folder) == {}


@pytest.mark.parametrize("content", [b"a: [", b"- synthetic\n", b"\xff\xfe\x00"])
def test_a_card_that_cannot_be_read_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "dataset.yaml").write_bytes(content)
    with pytest.raises(DataError) as caught:
        catalog.describe(tmp_path)
    assert str(tmp_path / "dataset.yaml") in str(caught.value)


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
