import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from brmrs_graph.data.folder import read_folder
from brmrs_graph.data.folder_check import check_folder
from brmrs_graph.errors import DataError

NAMES = ("hat", "007", "shoe", "coat")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder in which nothing is wrong: texts, pictures and an array."""
    folder = tmp_path / "shop"
    (folder / "images").mkdir(parents=True)
    pairs = [(user, item, (u + i) % 3) for u, user in enumerate(("ann", "bob", "cem")) for i, item in enumerate(NAMES)]
    write(folder, pairs)
    (folder / "items.csv").write_text("itemID,title\n" + "".join(f"{name},a {name}\n" for name in NAMES))
    for shade, name in enumerate(NAMES):
        Image.new("RGB", (4, 4), (50 * shade, 0, 0)).save(folder / "images" / f"{name}.png")
    np.save(folder / "audio_feat.npy", np.random.default_rng(0).normal(size=(4, 2)))
    return folder


def write(folder: Path, pairs: list[tuple[str, str, int]]) -> None:
    lines = ["userID\titemID\tx_label", *(f"{user}\t{item}\t{label}" for user, item, label in pairs)]
    (folder / f"{folder.name}.inter").write_text("\n".join(lines) + "\n")


def texts(folder: Path, wrong: bool) -> list[str]:
    return [finding.text for finding in check_folder(folder) if finding.wrong == wrong]


def test_nothing_is_said_of_a_sound_folder(shop: Path) -> None:
    assert check_folder(shop) == []


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere is no folder"):
        check_folder(tmp_path / "nowhere")


def test_all_that_is_wrong_is_told_at_once(shop: Path) -> None:
    (shop / "shop.inter").write_text("userID\titemID\tx_label\nann\that\t0\n\that\t1\nbob\t\t7\nbob\tsock\t0\n")
    (shop / "items.csv").write_text('itemID,title\nhat,"a\n')
    (shop / "images" / "hat.png").write_bytes(b"no picture")
    (shop / "audio_feat.npy").write_bytes(b"\x93NUMPY")
    np.save(shop / "tags_feat.npy", np.full((4, 2), np.nan))
    np.save(shop / "text_feat.npy", np.ones((4, 2), dtype=object), allow_pickle=True)
    wrong = texts(shop, wrong=True)
    for part in (
        "no userID in line 3",
        "no itemID in line 4",
        "x_label '7' in line 4",
        "items.csv",
        "1 of 4 files; the first: ",
        "audio_feat.npy cannot be read",
        "tags_feat.npy: 4 rows hold NaN",
        "text_feat.npy cannot be read",
    ):
        assert any(part in text for text in wrong), part


def test_every_column_that_is_missing_is_named(shop: Path) -> None:
    (shop / "shop.inter").write_text("user\titem\nann\that\n")
    wrong = texts(shop, wrong=True)
    assert len(wrong) == 2
    assert "column userID is missing (there are: user, item)" in wrong[0] and "column itemID" in wrong[1]


def test_another_file_of_interactions_is_pointed_out(shop: Path) -> None:
    (shop / "shop.inter").rename(shop / "store.inter")
    assert [text for text in texts(shop, wrong=True) if "shop.inter is missing" in text]
    assert [text for text in texts(shop, wrong=False) if "store.inter; the file must be called shop.inter" in text]


def test_ids_that_items_csv_does_not_list_and_wrong_row_counts_are_problems(shop: Path) -> None:
    write(shop, [("ann", "7", 0), ("ann", "hat", 1)])
    np.save(shop / "audio_feat.npy", np.ones((5, 2)))
    wrong = texts(shop, wrong=True)
    assert len(wrong) == 2
    assert "itemID '7' (one of 1) is not in items.csv" in wrong[0]
    assert "5 rows, but 4 items (counted in items.csv)" in wrong[1]


def test_two_arrays_of_one_modality_are_a_problem(shop: Path) -> None:
    np.save(shop / "acoustic_feat.npy", np.random.default_rng(0).normal(size=(4, 2)))
    assert any("both hold the modality acoustic" in text for text in texts(shop, wrong=True))


def test_what_the_reader_works_around_and_what_is_lacking_are_remarks(shop: Path) -> None:
    write(shop, [(user, item, i % 3) for user in ("ann", "bob") for i, item in enumerate(NAMES)] + [("ann", "hat", 2)])
    (shop / "items.csv").write_text("itemID,title\nhat,\n007,seven\nshoe,shoe\ncoat,coat\nspare,spare\n")
    (shop / "images" / "hat.png").rename(shop / "images" / "cap.png")
    x = np.random.default_rng(0).normal(size=(5, 2))
    x[1] = 0
    np.save(shop / "audio_feat.npy", x)
    assert texts(shop, wrong=True) == []
    remarks = "\n".join(texts(shop, wrong=False))
    for part in (
        "1 user-item pair is in several splits (the first: user 'ann', item 'hat')",
        "1 repeated user-item pair left out",
        "1 of 5 (20.0%) items has no text",
        "2 of 5 (40.0%) items have no picture",
        "1 file is no item's picture",
        "1 of 5 (20.0%) items lacks the modality acoustic",
        "3 of 5 (60.0%) items are cold",
    ):
        assert part in remarks, part


def test_a_folder_without_any_content_can_still_be_used(shop: Path) -> None:
    bare = shop.parent / "bare"
    bare.mkdir()
    (shop / "shop.inter").rename(bare / "bare.inter")
    assert texts(bare, wrong=True) == []
    assert any("only models without item content" in text for text in texts(bare, wrong=False))


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 2)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), 3: 4}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (10",
        "(" * 3000,
    ],
)
def test_an_array_with_a_damaged_header_is_a_problem(shop: Path, header: str) -> None:
    size = (len(header) + 1).to_bytes(2, "little")
    (shop / "audio_feat.npy").write_bytes(b"\x93NUMPY\x01\x00" + size + header.encode() + b"\n" + b"\0" * 64)
    assert [text for text in texts(shop, wrong=True) if "audio_feat.npy cannot be read as a NumPy array" in text]


def test_a_number_of_thousands_of_digits_is_a_problem(shop: Path) -> None:
    write(shop, [("9" * 6000, "hat", 0)])
    assert [text for text in texts(shop, wrong=True) if "userID 99999999999999999999… is out of range" in text]


# --- whatever the bytes are


def mutated(content: bytes, data: st.DataObject) -> bytes:
    """Random bytes, or the content with some pieces cut out, doubled or written over."""
    if data.draw(st.booleans()):
        return data.draw(st.binary(max_size=200))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 20)))
        content = content[:start] + data.draw(st.binary(max_size=6) | st.just(content[start:end] * 2)) + content[end:]
    return content


def fuzz(shop: Path, data: st.DataObject) -> None:
    """A check tells of findings and nothing else happens; what it finds nothing wrong with is read."""
    files = sorted(path for path in shop.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    content = path.read_bytes()
    try:
        path.write_bytes(mutated(content, data))
        found = check_folder(shop)
        if not any(finding.wrong for finding in found):
            read_folder(shop, features=False)
        else:
            with contextlib.suppress(DataError):
                read_folder(shop, features=False)
    finally:
        path.write_bytes(content)


SAME_FOLDER = [HealthCheck.function_scoped_fixture]  # every example restores what it changed


@settings(max_examples=200, deadline=None, suppress_health_check=SAME_FOLDER)
@given(data=st.data())
def test_no_bytes_make_a_check_fail(shop: Path, data: st.DataObject) -> None:
    fuzz(shop, data)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None, suppress_health_check=SAME_FOLDER)
@given(data=st.data())
def test_no_bytes_make_a_check_fail_however_many(shop: Path, data: st.DataObject) -> None:
    fuzz(shop, data)
