from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.texts import shortened, tidy


@given(st.text())
def test_tidy_texts_are_one_line_that_cannot_change_its_surroundings(text: str) -> None:
    assert tidy(text).isprintable() and tidy(tidy(text)) == tidy(text)


def test_tidy_takes_marks_of_writing_direction_and_line_breaks_away() -> None:
    assert tidy(" a\u202eb\r\n\tc\u2028d ") == "a b c d"
    assert tidy("1\u00a0%  of\u00a0 \x07") == "1 % of"


def test_spaces_without_a_break_stay_where_they_are_wanted() -> None:
    assert tidy("1\u00a0%  of\u00a0 \x07x", keep="\u00a0") == "1\u00a0% of\u00a0 x"


@given(st.text(), st.integers(2, 20))
def test_shortened_texts_are_no_longer_than_asked_for_and_begin_as_they_do(text: str, characters: int) -> None:
    short = shortened(text, characters)
    assert len(short) <= characters and (short == text) == (len(text) <= characters)
    assert text.startswith(short.removesuffix("…"))


def test_texts_are_cut_between_words_where_they_have_any() -> None:
    assert shortened("a red dress, long", 13) == "a red dress…"
    assert shortened("unbreakable", 5) == "unbr…"
