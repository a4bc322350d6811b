"""MovieLens as GroupLens released it in 2003 (1M) and 2009 (10M).

::

    ratings.dat               UserID::MovieID::Rating::Timestamp, seconds
    movies.dat                MovieID::Title::Genres, where | stands between genres
    images/MOVIEID.jpg        posters, which are not of the release

Source: F. M. Harper, J. A. Konstan. The MovieLens Datasets: History and Context. ACM Transactions on Interactive
Intelligent Systems 5(4), 2015.
"""

from __future__ import annotations

from brmrs_graph.data.raw.catalogue import Catalogue
from brmrs_graph.data.raw.doublecolon import COLUMNS, DoubleColon
from brmrs_graph.data.raw.formats import Survey
from brmrs_graph.data.raw.pairs import Pairs
from brmrs_graph.data.raw.source import Source

NAME = "grouplens"
TEXTS = {"title": "Title", "genres": "Genres"}


def recognise(survey: Survey, name: str) -> Source | None:
    """The data set in a folder of this layout, whatever its name; None if the folder has another one."""
    tables = {columns: table for table, columns in survey.tables if isinstance(table, DoubleColon)}
    ratings, films = (tables.get(COLUMNS[file]) for file in ("ratings", "movies"))
    if ratings is None:
        return None
    pairs = Pairs(ratings, "UserID", "MovieID", rating="Rating", timestamp="Timestamp")
    catalogues = (Catalogue(films, "MovieID", survey.folder, TEXTS),) if films else ()
    return Source(NAME, survey.folder, (pairs,), catalogues)
