"""What of an item's text is its title."""

from __future__ import annotations

from brmrs_graph.texts import shortened

_SHORTEST_TITLE = 10
_LONGEST_TITLE = 90


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
