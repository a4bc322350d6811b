"""Garments side by side with what is written about them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from PIL import Image, ImageDraw, ImageFont

from brmrs_graph.data.boutique.catalogue import Boutique
from brmrs_graph.data.boutique.pictures import SIZE

_MARGIN = 12
_TITLE_HEIGHT, _TEXT_HEIGHT = 30, 150
_INK, _GREY, _FAULT = (30, 28, 36), (96, 94, 102), (178, 34, 34)


def contact_sheet(boutique: Boutique, ids: Iterable[int], columns: int = 6, scale: float = 1.0) -> Image.Image:
    """Lay out pictures with their title and description below; faults are noted in red.

    Args:
        boutique: Where the garments are from.
        ids: The garments, in the order of the rows.
        columns: Garments a row.
        scale: Size of the pictures relative to :data:`.pictures.SIZE`; the text keeps its size.

    Returns:
        An RGB picture.
    """
    ids = list(ids)
    columns = max(1, min(columns, len(ids)))
    rows = -(-len(ids) // columns)
    picture_size = round(SIZE[0] * scale), round(SIZE[1] * scale)
    cell = max(picture_size[0], 168), picture_size[1] + _TITLE_HEIGHT + _TEXT_HEIGHT
    sheet = Image.new(
        "RGB",
        (columns * (cell[0] + _MARGIN) + _MARGIN, max(rows, 1) * (cell[1] + _MARGIN) + _MARGIN),
        "white",
    )
    for place, item in enumerate(ids):
        row, column = divmod(place, columns)
        corner = _MARGIN + column * (cell[0] + _MARGIN), _MARGIN + row * (cell[1] + _MARGIN)
        _draw_cell(sheet, corner, cell[0], picture_size, boutique, item)
    return sheet


def _draw_cell(
    sheet: Image.Image,
    corner: tuple[int, int],
    width: int,
    picture_size: tuple[int, int],
    boutique: Boutique,
    item: int,
) -> None:
    """One garment, its top left corner at ``corner``."""
    pen = ImageDraw.Draw(sheet)
    x, y = corner
    picture = boutique.picture(item)
    if picture is None:
        pen.rectangle((x, y, x + picture_size[0] - 1, y + picture_size[1] - 1), outline=_GREY)
    else:
        sheet.paste(picture.resize(picture_size, Image.Resampling.LANCZOS), (x, y))
    y += picture_size[1] + 4

    description = boutique.descriptions[item]
    title, body = ImageFont.load_default(12), ImageFont.load_default(10)
    pen.multiline_text((x, y), _wrapped(description.title, width, 6.2, 2), font=title, fill=_INK, spacing=2)
    y += _TITLE_HEIGHT
    faults = {"text": boutique.text_faults.fault[item], "picture": boutique.picture_faults.fault[item]}
    note = ", ".join(f"{modality}: {fault}" for modality, fault in faults.items() if fault != "none")
    if note:
        pen.text((x, y), note, font=body, fill=_FAULT)
        y += 14
    pen.multiline_text((x, y), _wrapped(description.text, width, 5.1, 10), font=body, fill=_GREY, spacing=2)


def _wrapped(text: str, width: int, per_character: float, lines: int) -> str:
    """The text in lines of about ``width`` pixels, cut after a number of lines."""
    return "\n".join(textwrap.wrap(text, int(width / per_character), max_lines=lines, placeholder=" …"))
