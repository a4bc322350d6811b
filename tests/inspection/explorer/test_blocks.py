import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from brmrs_graph.inspection.explorer.blocks import DTYPES, ids, lines, numbers, rounded

from .decoding import lines_of, numbers_of

SAFE = re.compile(r"[A-Za-z0-9+/=]*")


@given(st.sampled_from(DTYPES).flatmap(lambda name: arrays(name, st.tuples(st.integers(0, 4), st.integers(0, 5)))))
def test_numbers_come_back_row_by_row(values: np.ndarray) -> None:
    block = numbers(values)
    assert SAFE.fullmatch(block.text) and block.kind == values.dtype.name
    np.testing.assert_array_equal(numbers_of(block), values.ravel())


def test_numbers_of_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="int64 have no block"):
        numbers(np.arange(3))


@given(st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8")), min_size=1))
def test_lines_come_back_whatever_they_hold(texts: list[str]) -> None:
    block = lines(texts)
    assert SAFE.fullmatch(block.text) and lines_of(block) == texts


@pytest.mark.parametrize(("count", "kind"), [(1, "uint16"), (65536, "uint16"), (65537, "uint32")])
def test_ids_take_the_smallest_type_that_holds_them(count: int, kind: str) -> None:
    block = ids(np.array([0, count - 1]), count)
    assert block.kind == kind and numbers_of(block).tolist() == [0, count - 1]


@given(arrays(np.float32, 5, elements=st.floats(2**-100, 2**100, width=32)))
def test_rounding_keeps_three_digits(values: np.ndarray) -> None:
    np.testing.assert_allclose(rounded(-values), -values, rtol=2**-12)
