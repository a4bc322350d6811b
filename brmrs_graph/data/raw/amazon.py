"""What the three releases of Amazon's reviews have in common: reviews, metadata, image features."""

from __future__ import annotations

from brmrs_graph.data.raw.formats import Survey, table_of, the_one
from brmrs_graph.data.raw.tables import Table
from brmrs_graph.data.raw.vectors import ImageFeatures, Vectors


def asin_tables(survey: Survey, name: str) -> tuple[Table | None, Table | None]:
    """Reviews and metadata of 2014 and 2018, where users are named by ``reviewerID`` and items by ``asin``."""
    reviews = table_of(survey, survey.having("reviewerID", "asin"), name, "reviews")
    if reviews is None:
        return None, None
    return reviews, table_of(survey, survey.having("asin", without={"reviewerID"}), name, "metadata")


def image_features(survey: Survey, name: str) -> dict[str, Vectors]:
    """The image features in a folder, ``image_features_X.b``."""
    files = sorted(path for pattern in ("*.b", "*.b.gz") for path in survey.folder.glob(pattern))
    path = the_one(files, name, "image features")
    return {"visual": ImageFeatures(path)} if path else {}


def is_of_2014(survey: Survey, reviews: Table, metadata: Table | None) -> bool:
    """Whether metadata have the fields of 2014; without metadata, whether the file of reviews is named as in 2014."""
    if metadata is None:
        return reviews.path.name.startswith("reviews_")
    return not {"imUrl", "categories", "salesRank", "related"}.isdisjoint(survey.columns(metadata))
