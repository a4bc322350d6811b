"""Texts of items and users, as they are shown: they come from strangers."""

from __future__ import annotations

_SHORTEST_TITLE = 10
_LONGEST_TITLE = 90


def tidy(text: str) -> str:
    """A text in one line, without control characters: none can reverse the writing direction of what stands beside."""
    if not text.isprintable():  # hardly any text of a catalogue, and asking letter by letter takes its time
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())


def shortened(text: str, characters: int) -> str:
    """The text, cut at a word and with an ellipsis where it is longer than ``characters``."""
    if len(text) <= characters:
        return text
    cut = text[: characters - 1]
    return f"{(cut.rsplit(' ', 1)[0] or cut).rstrip(' .,;:')}…"


def title_and_rest(text: str) -> tuple[str, str]:
    """The first sentence of a text, which is the title where an item has one, and what follows.

    A sentence of fewer than 10 characters ("Mr.", "St.") is none. A first sentence of more than 90 is shortened, and
    the text then follows whole.
    """
    end = text.find(". ", _SHORTEST_TITLE)
    first = text[:end] if end >= 0 else text.removesuffix(".")
    if len(first) > _LONGEST_TITLE:
        return shortened(first, _LONGEST_TITLE), text
    return first, text[end + 2 :] if end >= 0 else ""
