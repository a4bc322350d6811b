"""The hub from which models come that are not packaged; it is not waited for where it does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from importlib.util import find_spec
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from brmrs_graph.data.encoders.base import require

PATIENCE = 5.0
"""Seconds that it is given for an answer; its own libraries try for minutes."""

SILENT = "it was not downloaded before, and the hub does not answer or must not be asked"
"""Why a model cannot be loaded then."""


def answers() -> bool:
    """Whether the hub may be asked and answers, whatever it says.

    Raises:
        DataError: If its library is not installed.
    """
    constants = _constants()
    if constants.HF_HUB_OFFLINE:
        return False
    try:
        urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=PATIENCE).close()
    except HTTPError:
        return True
    except (OSError, HTTPException, ValueError):  # ValueError: an endpoint that is no address
        return False
    return True


@contextmanager
def closed(shut: bool = True) -> Iterator[None]:
    """While this lasts, models come from what was downloaded before.

    Args:
        shut: Whether the hub is closed; otherwise nothing changes.
    """
    if not shut or find_spec("huggingface_hub") is None:  # without its library nobody can ask it
        yield
        return
    constants = _constants()
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _constants() -> Any:
    return require("huggingface_hub.constants")
