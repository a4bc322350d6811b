"""Amazon reviews, release of 2018.

::

    X_5.json.gz               JSON lines: reviewerID, asin, overall, unixReviewTime
    meta_X.json.gz            JSON lines: asin, title, brand, category, feature, description (lists), imageURLHighRes,
                              imageURL or image (lists of addresses)
    image_features_X.b        as in 2014

Source: J. Ni, J. Li, J. McAuley. Justifying Recommendations using Distantly-Labeled Reviews and Fine-Grained Aspects.
EMNLP 2019.
"""

from __future__ import annotations

from brmrs_graph.data.raw.amazon import asin_tables, image_features, is_of_2014
from brmrs_graph.data.raw.catalogue import Catalogue
from brmrs_graph.data.raw.formats import Survey
from brmrs_graph.data.raw.pairs import Pairs
from brmrs_graph.data.raw.source import Source

NAME = "amazon2018"
TEXTS = {
    "title": "title",
    "brand": "brand",
    "categories": "category",
    "features": "feature",
    "description": "description",
}
PICTURES = ("imageURLHighRes", "imageURL", "image")


def recognise(survey: Survey, name: str) -> Source | None:
    """The data set ``name`` in a folder of this layout; None if the folder has another one."""
    reviews, metadata = asin_tables(survey, name)
    if reviews is None or is_of_2014(survey, reviews, metadata):
        return None
    pairs = Pairs(reviews, "reviewerID", "asin", rating="overall", timestamp="unixReviewTime")
    catalogues = (Catalogue(metadata, "asin", survey.folder, TEXTS, PICTURES),) if metadata else ()
    return Source(NAME, survey.folder, (pairs,), catalogues, image_features(survey, name))
