import pytest
from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.inspection.explorer.texts import shortened, tidy, title_and_rest


@given(st.text())
def test_tidy_texts_are_one_line_that_cannot_change_its_surroundings(text: str) -> None:
    assert tidy(text).isprintable() and tidy(tidy(text)) == tidy(text)


def test_tidy_takes_marks_of_writing_direction_and_line_breaks_away() -> None:
    assert tidy(" a\u202eb\r\n\tc\u2028d ") == "a b c d"


@given(st.text(), st.integers(2, 20))
def test_shortened_texts_are_no_longer_than_asked_for(text: str, characters: int) -> None:
    short = shortened(text, characters)
    assert len(short) <= characters and (short == text) == (len(text) <= characters)


@pytest.mark.parametrize(
    ("text", "title", "rest"),
    [
        ("A jumper in wool. Warm. Dry clean.", "A jumper in wool", "Warm. Dry clean."),
        ("Mr. Smith goes to Washington (1939). Drama.", "Mr. Smith goes to Washington (1939)", "Drama."),
        ("A jumper in wool.", "A jumper in wool", ""),
        ("", "", ""),
    ],
)
def test_the_first_sentence_is_the_title(text: str, title: str, rest: str) -> None:
    assert title_and_rest(text) == (title, rest)


def test_a_long_first_sentence_is_shortened_and_the_text_follows_whole() -> None:
    text = "word " * 40 + "end. More."
    title, rest = title_and_rest(text)
    assert title.endswith("word…") and len(title) <= 90 and rest == text
