"""RecBole's atomic files.

::

    NAME.inter                tab separated, header user_id:token, item_id:token, rating:float, timestamp:float
    NAME.item                 tab separated, header item_id:token, title:token_seq, ...
    NAME.train.inter, NAME.valid.inter, NAME.test.inter     instead of NAME.inter, where the split is given

Source: W. X. Zhao et al. RecBole: Towards a Unified, Comprehensive and Efficient Framework for Recommendation
Algorithms. CIKM 2021.
"""

from __future__ import annotations

from brmrs_graph.data.raw.catalogue import Catalogue, text_fields
from brmrs_graph.data.raw.columns import guess
from brmrs_graph.data.raw.formats import Survey, table_of
from brmrs_graph.data.raw.pairs import Pairs
from brmrs_graph.data.raw.source import Source
from brmrs_graph.data.raw.tables import Table

NAME = "recbole"
_SPLITS = {".train.inter": 0, ".valid.inter": 1, ".test.inter": 2}


def recognise(survey: Survey, name: str) -> Source | None:
    """The data set ``name`` in a folder of this layout; None if the folder has another one."""
    tables = [table for table, columns in survey.tables if _is_atomic(columns)]
    parts = {
        split: table_of(survey, [table for table in tables if table.path.name.endswith(end)], name, f"part *{end}")
        for end, split in _SPLITS.items()
    }
    whole = table_of(
        survey,
        [
            table
            for table in tables
            if table.path.name.endswith(".inter") and not table.path.name.endswith(tuple(_SPLITS))
        ],
        name,
        "interactions",
    )
    if whole is not None:
        pairs = [_pairs(survey, whole, None)]
    else:
        pairs = [_pairs(survey, table, split) for split, table in parts.items() if table is not None]
    items = table_of(survey, [table for table in tables if table.path.name.endswith(".item")], name, "items")
    found = tuple(part for part in pairs if part is not None)
    return Source(NAME, survey.folder, found, _catalogues(survey, items)) if found else None


def _is_atomic(columns: tuple[str, ...]) -> bool:
    return bool(columns) and all(column.count(":") == 1 for column in columns)


def _pairs(survey: Survey, table: Table, split: int | None) -> Pairs | None:
    columns = survey.columns(table)
    user, item = guess("user", columns), guess("item", columns)
    if not user or not item:
        return None
    return Pairs(table, user, item, guess("rating", columns), guess("timestamp", columns), split=split)


def _catalogues(survey: Survey, table: Table | None) -> tuple[Catalogue, ...]:
    """The items with their words (``token``, ``token_seq``) as texts; numbers are left out."""
    columns = survey.columns(table) if table else ()
    item, picture = guess("item", columns), guess("picture", columns)
    if table is None or not item:
        return ()
    words = [column for column in columns if column.split(":")[1].startswith("token") and column not in {item, picture}]
    return (Catalogue(table, item, survey.folder, text_fields(words, typed=True), (picture,) if picture else ()),)
