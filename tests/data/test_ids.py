from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.data import read_folder
from brmrs_graph.data.folder_check import check_folder
from brmrs_graph.data.ids import in_order, index_ids, read_list
from brmrs_graph.errors import DataError

PATH = Path("shop.inter")


def shop(root: Path, *, users: str = "") -> Path:
    folder = root / "shop"
    folder.mkdir()
    (folder / "shop.inter").write_text("userID\titemID\tx_label\n812733\t0\t0\n5\t1\t1\n5\t0\t2\n5\t2\t0\n")
    if users:
        (folder / "users.csv").write_text(users)
    return folder


def test_listed_users_are_numbered_line_by_line_whatever_they_look_like(tmp_path: Path) -> None:
    data = read_folder(shop(tmp_path, users="userID,city\n812733,Oslo\n-7,Rome\n5,Bonn\n"))
    assert data.user_ids == ["812733", "-7", "5"]
    assert data.train.toarray().tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]


def test_numbers_far_apart_are_refused_where_they_are_not_listed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"userID 812733 is out of range .* or list them in users\.csv"):
        read_folder(shop(tmp_path))


@pytest.mark.parametrize(
    ("users", "message"),
    [
        ("userID\n5\n", r"shop\.inter: userID '812733' \(one of 1\) is not in users\.csv"),
        ("userID\n5\n812733\n5\n", r"users\.csv: userID '5' occurs a second time in line 4"),
        ("userID,a\n5,\n,\n", r"users\.csv: userID is empty in line 3"),
        ('userID,a\n812733,"two\nlines"\n\n5,\n5,\n', r"users\.csv: userID '5' occurs a second time in line 6"),
        ("user\n5\n", r"users\.csv cannot be read"),
    ],
)
def test_a_list_of_users_that_is_wrong_is_named_by_the_reader_and_the_check(
    tmp_path: Path, users: str, message: str
) -> None:
    folder = shop(tmp_path, users=users)
    with pytest.raises(DataError, match=message) as caught:
        read_folder(folder)
    assert str(caught.value) in [finding.text for finding in check_folder(folder) if finding.wrong]


def test_nothing_is_listed_where_there_is_no_file(tmp_path: Path) -> None:
    assert read_list(tmp_path, "userID") == read_list(tmp_path, "itemID") == []


@given(st.permutations([str(number) for number in range(12)]))
def test_the_numbers_from_zero_are_their_own_index(ids: list[str]) -> None:
    assert in_order(ids) == [str(number) for number in range(12)]
    listed, index = index_ids(PATH, "userID", pd.Series(ids, dtype="str"), in_order(ids))
    unlisted, same = index_ids(PATH, "userID", pd.Series(ids, dtype="str"))
    assert listed == unlisted and index.tolist() == same.tolist() == [int(name) for name in ids]


@given(st.lists(st.text(min_size=1, max_size=3), min_size=1, unique=True))
def test_other_ids_stay_as_they_stand(ids: list[str]) -> None:
    if set(ids) != {str(number) for number in range(len(ids))}:
        assert in_order(ids) == ids


def test_items_that_are_numbers_and_names_are_refused_unless_they_are_listed() -> None:
    mixed = pd.Series(["0", "10", "abc", "2"], dtype="str")
    with pytest.raises(
        DataError, match=r"itemID 'abc' is no number, as '0' is; .* list them in items\.csv in the order"
    ):
        index_ids(PATH, "itemID", mixed)
    assert index_ids(PATH, "itemID", mixed, ["2", "10", "0", "abc"])[1].tolist() == [2, 1, 3, 0]
    assert index_ids(PATH, "userID", mixed)[1].tolist() == [0, 1, 3, 2]  # users have no rows
