"""Amazon reviews, release of 2023.

::

    X.jsonl.gz                JSON lines: user_id, parent_asin, rating, timestamp in milliseconds; or X.csv with these
    meta_X.jsonl.gz           JSON lines: parent_asin, title, store, categories, features, description (lists), images
                              (objects with large, hi_res, thumb; the main one is marked MAIN)

Source: Y. Hou et al. Bridging Language and Items for Retrieval and Recommendation. arXiv:2403.03952.
"""

from __future__ import annotations

from brmrs_graph.data.raw.catalogue import Catalogue
from brmrs_graph.data.raw.formats import Survey, table_of
from brmrs_graph.data.raw.pairs import Pairs
from brmrs_graph.data.raw.source import Source

NAME = "amazon2023"
TEXTS = ("title", "store", "categories", "features", "description")


def recognise(survey: Survey, name: str) -> Source | None:
    """The data set ``name`` in a folder of this layout; None if the folder has another one."""
    reviews = table_of(survey, survey.having("user_id", "parent_asin"), name, "reviews")
    if reviews is None:
        return None
    metadata = table_of(survey, survey.having("parent_asin", without={"user_id"}), name, "metadata")
    pairs = Pairs(reviews, "user_id", "parent_asin", rating="rating", timestamp="timestamp", unit=1e-3)
    texts = {text: text for text in TEXTS}
    catalogues = (Catalogue(metadata, "parent_asin", survey.folder, texts, ("images",)),) if metadata else ()
    return Source(NAME, survey.folder, (pairs,), catalogues)
