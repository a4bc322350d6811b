"""Amazon's metadata of 2014: one Python dictionary a line, ``{'asin': '0000031852', 'price': 3.17}``.

The lines were written by ``repr`` and are usually read by ``eval``, which runs whatever a file holds.
``ast.literal_eval`` runs nothing, but builds a syntax tree of any shape before it looks at a node, and a long chain
such as ``{}[0][0][0]…`` may exhaust the stack. What is not shaped like data is therefore refused before it is parsed.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import Any

MAX_CHARS = 2**20
"""Longest record; the longest ones known have some 100,000 characters."""

_STRING = re.compile(r"""'[^'\\\n]*(?:\\.[^'\\\n]*)*'|"[^"\\\n]*(?:\\.[^"\\\n]*)*\"""", re.DOTALL)
_DATA = re.compile(r"\{(?:[\s\d{}\[\],:.eEuU+-]|None|True|False)*\}\s*")
_CHAIN = re.compile(r"[\]}\d]\s*[\[{]|[\]}\d]\s*[+-]|[+-]\s*[+-]")  # subscripts, sums, signs of signs


def parse_loose(text: str) -> Any:
    """Parses one line that holds a dictionary of strings, numbers, lists, dictionaries, None, True and False.

    Args:
        text: The line.

    Raises:
        ValueError: If the line is anything else, or longer than a million characters.
    """
    if len(text) > MAX_CHARS:
        raise ValueError(f"longer than {MAX_CHARS:,} characters")
    shape = _STRING.sub("0", text)
    if not _DATA.fullmatch(shape) or _CHAIN.search(shape):
        raise ValueError("not a dictionary of plain values")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python does not know, such as \d
            return ast.literal_eval(text.strip())
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(str(error)) from error
