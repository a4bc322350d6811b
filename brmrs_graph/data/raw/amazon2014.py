"""Amazon reviews, release of 2014.

::

    reviews_X_5.json.gz       JSON lines: reviewerID, asin, overall, unixReviewTime
    meta_X.json.gz            Python dictionaries or JSON, one a line: asin, title, brand, categories (lists in a list),
                              description, imUrl
    image_features_X.b        10 bytes of ASIN and 4,096 floats for each item

Source: R. He, J. McAuley. Ups and Downs: Modeling the Visual Evolution of Fashion Trends with One-Class Collaborative
Filtering. WWW 2016.
"""

from __future__ import annotations

from brmrs_graph.data.raw.amazon import asin_tables, image_features, is_of_2014
from brmrs_graph.data.raw.catalogue import Catalogue
from brmrs_graph.data.raw.formats import Survey
from brmrs_graph.data.raw.pairs import Pairs
from brmrs_graph.data.raw.source import Source

NAME = "amazon2014"
TEXTS = ("title", "brand", "categories", "description")


def recognise(survey: Survey, name: str) -> Source | None:
    """The data set ``name`` in a folder of this layout; None if the folder has another one."""
    reviews, metadata = asin_tables(survey, name)
    if reviews is None or not is_of_2014(survey, reviews, metadata):
        return None
    pairs = Pairs(reviews, "reviewerID", "asin", rating="overall", timestamp="unixReviewTime")
    texts = {text: text for text in TEXTS}
    catalogues = (Catalogue(metadata, "asin", survey.folder, texts, ("imUrl",)),) if metadata else ()
    return Source(NAME, survey.folder, (pairs,), catalogues, image_features(survey, name))
