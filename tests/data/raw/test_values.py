import math
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.data.raw.columns import ALIASES, guess
from brmrs_graph.data.raw.loose import MAX_CHARS, parse_loose
from brmrs_graph.data.raw.values import as_id, as_number, as_picture, as_text, as_time

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), PLAIN, max_size=5))
def test_the_loose_format_is_what_repr_writes(record: dict[str, Any]) -> None:
    assert parse_loose(repr(record)) == record
    assert parse_loose(f"  {record!r}\r\n".lstrip()) == record


@pytest.mark.parametrize(
    "text",
    [
        "", "1", "'a'", "[]", "{1, 2", "{'a': b}", "{'a': f()}", "{'a': (1,)}", "{'a': 1}.x", "{'a': 1}[0]",
        "{'a': 1-1}", "{'a': --1}", "{'a': [1][0]}", "{'a': 'b}", "{[]: 1}", "{'a': lambda: 0}", "{'a': 1}; {}",
        "{**{}}", "{'a': f'{x}'}", "{'a': '\\x'}", "{'a': " + "9" * 5000 + "}", "{'a': " + "[" * 300 + "]" * 300 + "}",
        "{'a': '" + "x" * MAX_CHARS + "'}",
    ],
)  # fmt: skip
def test_nothing_else_is_parsed(text: str) -> None:
    with pytest.raises(ValueError):
        parse_loose(text)


@pytest.mark.parametrize("chain", ["[0]" * 9, "-1" * 9, " +1", "{}", " [0]"])
def test_chains_never_reach_the_parser(chain: str) -> None:
    for head in ("{'a': 1", "{'a': [1]", "{'a': {}", "{'a': 'b'"):
        with pytest.raises(ValueError, match="not a dictionary of plain values"):
            parse_loose(f"{head}{chain}}}")
    with pytest.raises(ValueError, match="not a dictionary of plain values"):
        parse_loose("{'a': " + "-" * 9 + "1}")


def test_long_loose_records_take_no_long_time() -> None:
    with pytest.raises(ValueError):
        parse_loose("{" + "'a\\'" * 200_000)
    with pytest.raises(ValueError):
        parse_loose("{" + "1 " * 500_000)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("007", "007"), (" 7 ", "7"), (7, "7"), (-7, "-7"), (7.0, "7"), (b"07", "07"), ("Ä 用", "Ä 用"),
        ("1.50", "1.50"), ("", ""), (None, ""), (True, ""), (7.5, ""), (math.nan, ""), (math.inf, ""), (["7"], ""),
        (Decimal("7"), "7"), (Decimal("7.5"), ""), (Decimal("1E+99999999"), ""), (Decimal("NaN"), ""),
        (2.0**53, str(2**53)), (2.0**54, ""), (b"\xff\x80", "ff80"), (b"\x00\x07", "0007"),
        ("a\tb", ""), ("a\nb", ""), ("\ud800", ""), ("x" * 512, "x" * 512), ("x" * 513, ""), (10**30, ""),
    ],
)  # fmt: skip
def test_ids(value: Any, expected: str) -> None:
    assert as_id(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("5", 5.0), (" 5e1 ", 50.0), (3, 3.0), ("inf", None), ("five", None), (True, None), ([], None), (10**400, None)],
)
def test_numbers(value: Any, expected: float | None) -> None:
    assert as_number(value) == expected


def test_no_number_is_not_a_number() -> None:
    assert all(math.isnan(as_number(value) or 0.0) for value in (None, "", "nan", math.nan))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (86400, 86400.0), ("86400", 86400.0), ("1970-01-02", 86400.0), ("1970-01-02T00:00:01Z", 86401.0),
        ("1970-01-02 02:00:00+02:00", 86400.0), (date(1970, 1, 2), 86400.0), (datetime(1970, 1, 2), 86400.0),
        (datetime(1970, 1, 2, tzinfo=timezone(timedelta(hours=1))), 82800.0), ("2.1.1970", None), ("", math.nan),
        ([], None),
        (datetime.max.replace(tzinfo=timezone.utc), datetime.max.replace(tzinfo=timezone.utc).timestamp()), ("Z", None),
    ],
)  # fmt: skip
def test_times(value: Any, expected: float | None) -> None:
    assert as_time(value, 1.0) == (pytest.approx(expected, nan_ok=True) if expected is not None else None)


def test_times_have_a_unit_only_as_numbers() -> None:
    assert as_time("5000", 1e-3) == 5.0
    assert as_time("1970-01-01T00:00:05", 1e-3) == 5.0


def test_texts() -> None:
    assert as_text([["Clothing", "Girls"], ["Clothing", "Tops"]], "|") == "Clothing|Girls|Tops"
    assert as_text({"a": "x", "b": ["y", None, 3]}, "|") == "x|y|3"
    assert as_text("  two\r\n lines\x00\ud800 ", " ") == "two lines"
    assert as_text([None, math.nan, "", b"\xff", 10**5000], "|") == "\ufffd"
    nested: Any = "deep"
    for _ in range(100_000):
        nested = [nested]
    assert as_text(nested, "|") == "deep"


def test_pictures() -> None:
    assert as_picture(["", " a.jpg", "b.jpg"]) == "a.jpg"
    assert as_picture({"hi_res": ["h.jpg", "i.jpg"], "large": [None, "l.jpg"], "variant": ["MAIN", "PT"]}) == "l.jpg"
    assert as_picture([{"large": "p.jpg", "variant": "PT01"}, {"large": "m.jpg", "variant": "MAIN"}]) == "m.jpg"
    assert as_picture(3) == as_picture(None) == as_picture([]) == ""
    loop: list[Any] = []
    loop.append(loop)
    assert as_picture(loop) == ""


def test_columns_are_guessed_by_the_surest_name() -> None:
    assert guess("user", ("item", "user", "User_ID:token")) == "User_ID:token"
    assert guess("user", ("USER ID", "userid")) == "USER ID", "of equal names the first"
    assert guess("item", ("name", "colour")) == ""
    aliases = [alias for names in ALIASES.values() for alias in names]
    assert len(set(aliases)) == len(aliases), "no name may play two roles"
