"""Packages that are measured against where they are installed, and that nothing depends on."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any


@cache
def package(name: str) -> Any:
    """The module of a package; None where it is not installed, or cannot be loaded."""
    try:
        return import_module(name)
    except (ImportError, OSError):  # OSError: a library that it was built against is missing
        return None
