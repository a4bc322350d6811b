"""Which column of a table holds what: given, or guessed from its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

ALIASES = {
    "user": (
        "userid", "user", "uid", "customerid", "customer", "reviewerid", "buyerid", "buyer", "clientid", "memberid",
        "visitorid", "accountid", "shopperid", "personid", "username",
    ),
    "item": (
        "itemid", "iid", "parentasin", "asin", "productid", "articleid", "sku", "styleid", "movieid", "bookid", "isbn",
        "trackid", "songid", "videoid", "artistid", "gameid", "recipeid", "businessid", "item", "product", "article",
    ),
    "rating": ("rating", "ratings", "overall", "score", "stars", "starrating", "userrating", "reviewrating"),
    "timestamp": (
        "timestamp", "unixreviewtime", "time", "datetime", "date", "tdat", "ts", "createdat", "eventtime",
        "purchasedate", "orderdate", "reviewtime",
    ),
    "picture": (
        "picture", "image", "imageurl", "imurl", "imagepath", "img", "imgurl", "pictureurl", "picturepath", "photo",
        "photourl", "poster", "posterurl", "thumbnail", "images", "pictures",
    ),
}  # fmt: skip
"""Names by which columns are known, the surest first; case and all but letters and digits do not count."""


@dataclass(frozen=True)
class Columns:
    """Columns of a user's own tables, by name; what is empty is guessed.

    Attributes:
        user: User ids, in the interactions.
        item: Item ids, in the interactions and, if it is there too, in the items.
        rating: Ratings.
        timestamp: Times: seconds, or dates.
        picture: Path or address of an item's picture.
    """

    user: str = ""
    item: str = ""
    rating: str = ""
    timestamp: str = ""
    picture: str = ""


def guess(role: str, columns: Sequence[str]) -> str:
    """The column that plays a role, by its name; empty if none does.

    Args:
        role: user, item, rating, timestamp or picture.
        columns: Names of columns; a type as in RecBole's ``user_id:token`` does not count.
    """
    plain = {re.sub(r"[^a-z0-9]", "", name.split(":")[0].lower()): name for name in reversed(columns)}
    return next((plain[alias] for alias in ALIASES[role] if alias in plain), "")
