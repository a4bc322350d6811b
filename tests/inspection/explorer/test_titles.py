import pytest

from brmrs_graph.inspection.explorer.titles import title_and_rest


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
