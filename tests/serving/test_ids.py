import numpy as np
import pandas as pd
import pytest

from brmrs_graph.errors import DataError
from brmrs_graph.serving.ids import Ids

IDS = Ids("item", ["b", "7", "007", "日本"])


def test_ids_are_found_in_any_kind_of_list() -> None:
    for listed in (["7", "b"], ("7", "b"), np.array(["7", "b"]), pd.Series(["7", "b"]), iter(["7", "b"])):
        assert IDS.positions(listed).tolist() == [1, 0]
    assert IDS.positions("007").tolist() == [2], "one string is one id, not its letters"
    assert IDS.positions([]).dtype == np.int64


def test_names_come_back_in_the_shape_of_the_positions_and_minus_one_is_none() -> None:
    names = IDS.names(np.array([[3, -1], [0, 2]]))
    assert names.dtype == object and names.tolist() == [["日本", None], ["b", "007"]]


def test_unknown_ids_are_named_and_counted_in_one_error() -> None:
    with pytest.raises(DataError) as caught:
        IDS.positions(["x", "b", "x", *(f"y{number}" for number in range(9))])
    assert "10 of the item ids are unknown" in str(caught.value)
    assert "'x', 'y0', 'y1', 'y2', 'y3' and 5 more" in str(caught.value) and "item_ids" in str(caught.value)


@pytest.mark.parametrize(("wanted", "shown"), [(7, "7"), ([7, "b"], "7"), ([["b"]], "['b']"), (None, "None")])
def test_only_strings_are_ids(wanted: object, shown: str) -> None:
    with pytest.raises(DataError, match="strings") as caught:
        IDS.positions(wanted)
    assert f"unknown to the model: {shown};" in str(caught.value)


def test_a_long_id_does_not_fill_the_screen() -> None:
    with pytest.raises(DataError) as caught:
        IDS.positions("x" * 10_000)
    assert len(str(caught.value)) < 250
