import csv
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.data.csv_rows import csv_rows, place_of
from brmrs_graph.errors import DataError

VALUES = st.text(alphabet='ab\n", \t', min_size=1).filter(lambda value: not value.isspace())


def test_lines_are_those_of_an_editor(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'\xef\xbb\xbf\na,b\r\n"1\r\n1",2\r\n\r\n3,4\n5,6')
    assert list(csv_rows(path)) == [(2, ["a", "b"]), (3, ["1\r\n1", "2"]), (6, ["3", "4"]), (7, ["5", "6"])]
    assert [place_of(path, number) for number in range(3)] == ["line 3", "line 6", "line 7"]


def test_quotes_that_do_not_match_are_told_by_the_line_on_which_they_begin(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,2\n3,"4\n5,6\n7,8\n')
    with pytest.raises(DataError, match=r"t\.csv, line 3: not well-formed CSV"):
        list(csv_rows(path))
    assert place_of(path, 0) == "line 2" and place_of(path, 2) == "row 3 below the header"


@settings(deadline=None, max_examples=50)
@given(
    rows=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=4),
    blank=st.integers(0, 9),
    delimiter=st.sampled_from(",\t"),
)
def test_the_rows_are_those_that_pandas_counts(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], blank: int, delimiter: str
) -> None:
    path = tmp_path_factory.mktemp("t") / "t.csv"
    lines = pd.DataFrame(rows, columns=["x", "y"]).to_csv(sep=delimiter, index=False).splitlines(keepends=True)
    lines.insert(0 if blank == 0 else len(lines), "  \n" if blank % 2 else "\n")
    path.write_text("".join(lines))
    read = pd.read_csv(path, sep=delimiter, dtype=str, keep_default_na=False)
    for number, values in enumerate(read.itertuples(index=False)):
        line = int(place_of(path, number, delimiter).removeprefix("line "))
        assert next(csv.reader(lines[line - 1 :], delimiter=delimiter)) == list(values)
