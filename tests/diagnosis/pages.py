"""Reads a page as a browser does, for the tests of pages."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "input", "img", "br"}


class Page(HTMLParser):
    """The elements, attributes and text of a page.

    Args:
        source: The page.
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.headings: list[tuple[int, str]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.open: list[str] = []
        self.strayed: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append((int(tag[1]), ""))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.strayed.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append((tuple(self.open), data))
        if self.open and self.open[-1] in ("h1", "h2", "h3", "h4"):
            level, text = self.headings[-1]
            self.headings[-1] = level, text + data

    def of(self, tag: str) -> list[dict[str, str]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def values(self, attribute: str) -> list[str]:
        """All values of an attribute, whatever element has it."""
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]

    def text(self, *inside: str) -> str:
        """The text, or that inside of elements, without style sheets."""
        return " ".join(text for path, text in self.texts if "style" not in path and set(inside) <= set(path))

    def cells(self) -> list[str]:
        """The text of the cells of tables of measures, one by one."""
        cells: list[str] = []
        for path, text in self.texts:
            if path[-1:] == ("td",) and "article" not in path and text.strip():
                cells.append(text.strip())
        return cells
