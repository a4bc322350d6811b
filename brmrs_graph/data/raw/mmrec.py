"""MMRec's folders, and with ``items.csv`` and ``images/`` the project's own.

::

    NAME.inter                tab separated: userID, itemID and, where known, rating, timestamp, x_label (0, 1, 2)
    image_feat.npy, ...       one array a modality; row i is item i
    items.csv                 itemID and text columns
    images/ITEMID.jpg

Source: X. Zhou. MMRec: Simplifying Multimodal Recommendation. MMAsia Workshops 2023.
"""

from __future__ import annotations

from functools import partial

from brmrs_graph.data.folder import modality_of
from brmrs_graph.data.ids import in_order
from brmrs_graph.data.raw.catalogue import Catalogue, text_fields
from brmrs_graph.data.raw.formats import Survey, table_of
from brmrs_graph.data.raw.pairs import LABEL, Pairs
from brmrs_graph.data.raw.report import Report
from brmrs_graph.data.raw.separated import Separated
from brmrs_graph.data.raw.source import CHUNK, Source
from brmrs_graph.data.raw.vectors import ArrayRows

NAME = "mmrec"


def recognise(survey: Survey, name: str) -> Source | None:
    """The data set ``name`` in a folder of this layout; None if the folder has another one."""
    tables = [table for table in survey.having("userID", "itemID") if table.path.suffix == ".inter"]
    table = table_of(survey, tables, name, "interactions")
    if table is None:
        return None
    there = survey.columns(table)
    table = Separated(table.path, "\t")  # names may stand in quotes, unlike in RecBole's files
    rating, timestamp, label = (column if column in there else "" for column in ("rating", "timestamp", LABEL))
    pairs = Pairs(table, "userID", "itemID", rating, timestamp, label=label)
    catalogues = tuple(
        Catalogue(
            items, "itemID", survey.folder, text_fields(name for name in survey.columns(items) if name != "itemID")
        )
        for items in survey.having("itemID", without={"userID"})
        if items.path.name == "items.csv"
    )
    order = partial(_order, catalogues[0]) if catalogues else None
    vectors = {modality_of(path): ArrayRows(path, order) for path in sorted(survey.folder.glob("*_feat.npy"))}
    return Source(NAME, survey.folder, (pairs,), catalogues, vectors, complete=True)


def _order(catalogue: Catalogue) -> list[str]:
    """Items in the order of rows."""
    return in_order([item for frame in catalogue.read(Report(), CHUNK, set()) for item in frame["item"]])
