"""Finds out how a folder of raw files is laid out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from brmrs_graph.data.raw import amazon2014, amazon2018, amazon2023, grouplens, mmrec, own, recbole
from brmrs_graph.data.raw.columns import Columns
from brmrs_graph.data.raw.formats import Survey
from brmrs_graph.data.raw.source import Source
from brmrs_graph.errors import ConfigError, DataError

_RECOGNISERS: dict[str, Callable[[Survey, str], Source | None]] = {
    module.NAME: module.recognise for module in (recbole, mmrec, amazon2014, amazon2018, amazon2023, grouplens)
}
LAYOUTS = (*_RECOGNISERS, own.NAME)
"""Names of the layouts, in the order in which they are tried."""


def open_source(
    folder: Path,
    *,
    layout: str = "",
    name: str = "",
    columns: Columns | None = None,
    interactions: Path | None = None,
    items: Path | None = None,
) -> Source:
    """Recognises what lies in a folder, from the columns of its tables; nothing but their heads is read.

    Args:
        folder: The folder.
        layout: The layout, if it is known (see :data:`LAYOUTS`); empty to find out.
        name: Name of the data set: decides which files are meant where there are several.
        columns: Columns of a user's own tables; those not given are guessed.
        interactions: File of interactions, for a user's own tables of any names.
        items: File of items, beside it.

    Raises:
        ConfigError: If there is no such layout, or it is not one whose columns or files can be named.
        DataError: If the folder has no known layout, several files could be meant, or a column is not there.
    """
    given = columns or Columns()
    if layout and layout not in LAYOUTS:
        raise ConfigError(f"layout '{layout}' is not known; there are: {', '.join(LAYOUTS)}")
    if items is not None and interactions is None:
        raise ConfigError(f"--items {items} is not enough; name the file of interactions as well (--interactions FILE)")
    if given != Columns() or interactions is not None:
        if layout not in {"", own.NAME}:
            raise ConfigError(
                f"columns and files of the layout '{layout}' are known; leave --columns and --interactions out, or "
                "read the files as your own tables (--layout own)"
            )
        layout = own.NAME
    if interactions is not None:
        return own.from_files(folder, interactions, items, given)
    survey = Survey.of(folder)
    for candidate, recognise in _RECOGNISERS.items():
        if layout in {"", candidate} and (source := recognise(survey, name)):
            return _with_problems(source, survey)
    if layout in {"", own.NAME} and (source := own.recognise(survey, name, given)):
        return _with_problems(source, survey)
    seen = [f"{table.path.name} with {', '.join(there[:12]) or 'no columns'}" for table, there in survey.tables]
    raise DataError(
        f"{folder} does not look like {layout or 'any of ' + ', '.join(LAYOUTS)}: no table of interactions was found. "
        f"There are: {'; '.join([*seen, *survey.problems]) or 'no tables at all'}. Say which columns of your own "
        "tables hold the user and the item (--columns.user NAME --columns.item NAME), which file the interactions "
        "(--interactions FILE), or give another folder (--from DIR)"
    )


def _with_problems(source: Source, survey: Survey) -> Source:
    """The source, saying what else lies in its folder that could not be used."""
    return replace(source, remarks=(*source.remarks, *(f"left out: {problem}" for problem in survey.problems)))
