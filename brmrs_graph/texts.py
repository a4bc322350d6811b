"""Texts that come from strangers (items, users, files), as they are shown."""

from __future__ import annotations


def tidy(text: str, keep: str = "") -> str:
    """A text in one line, without control characters: none can reverse the writing direction of what stands beside.

    Args:
        text: The text.
        keep: Characters that stay although they are not printable, as the space at which no line may break.
    """
    if not text.isprintable():  # hardly any text of a catalogue, and asking letter by letter takes its time
        text = "".join(c if c.isprintable() or c in keep else " " for c in text)
    return " ".join(filter(None, text.split(" "))).strip()


def shortened(text: str, characters: int) -> str:
    """The text, cut at a word and with an ellipsis where it is longer than ``characters``."""
    if len(text) <= characters:
        return text
    words = text[:characters].rsplit(" ", 1)  # room for the ellipsis, or the space in its place
    return f"{(words[0] if len(words) == 2 else text[: characters - 1]).rstrip(' .,;:')}…"
