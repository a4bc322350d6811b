"""Ids of users and items as they are written, and their numbers.

Ids may be numbers from 0, which are their own index, or any names. Where ``users.csv`` or ``items.csv`` lists them,
names are numbered line by line, otherwise in their order.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brmrs_graph.data.counted import counted
from brmrs_graph.data.csv_rows import place_of
from brmrs_graph.errors import DataError

LISTS = {"userID": "users.csv", "itemID": "items.csv"}
"""Column of ids -> the table that lists them all, where it is there."""

MOST_DIGITS = 100
"""Longer numbers are not even looked at; Python itself refuses them from 4,300 digits on."""


def read_list(folder: Path, column: str) -> list[str]:
    """The ids that ``users.csv`` or ``items.csv`` lists, in index order; empty where there is no such file.

    Args:
        folder: The data set's folder.
        column: ``userID`` or ``itemID``.

    Raises:
        DataError: If the file is no table, has no such column, or lists an id twice.
    """
    path = folder / LISTS[column]
    if not path.is_file():
        return []
    try:
        ids = pd.read_csv(path, dtype=str, keep_default_na=False, usecols=[column])[column]
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(
            f"{path} cannot be read: {str(error).strip()}. It must be a table in UTF-8, comma separated, with a column "
            f"{column}"
        ) from error
    wrong = ids.duplicated() | (ids == "")
    if wrong.any():
        what = f"'{ids[wrong].iloc[0]}' occurs a second time" if ids[wrong].iloc[0] else "is empty"
        raise DataError(f"{path}: {column} {what} in {place_of(path, int(wrong.argmax()))}; keep one row for each")
    return in_order(ids.tolist())


def in_order(ids: list[str]) -> list[str]:
    """Different ids in index order: by number if they are the numbers from 0, else as they stand."""
    numbers = [str(number) for number in range(len(ids))]
    return numbers if set(numbers) == set(ids) else ids


def index_ids(
    path: Path, column: str, values: pd.Series, listed: list[str] | None = None
) -> tuple[list[str], NDArray[np.int64]]:
    """Original ids in index order, and the index of every value.

    Args:
        path: The file of interactions, for the messages.
        column: ``userID`` or ``itemID``.
        values: The ids of the interactions, strings.
        listed: What :func:`read_list` gives (default: they are listed nowhere).

    Raises:
        DataError: If an id is not listed, a number is negative or far out of range, or items are numbers and names.
    """
    if listed:
        index = pd.Index(listed).get_indexer(values)
        unknown = values[index < 0]
        if len(unknown):
            raise DataError(
                f"{path}: {column} '{unknown.iloc[0]}' (one of {unknown.nunique():,}) is not in {LISTS[column]}; add "
                "it there, or delete its interactions"
            )
        return listed, index.astype(np.int64)
    number = values.str.fullmatch(r"-?(0|[1-9][0-9]*)")
    if not number.all():
        # As names, numbers come in another order, 10 before 2, than rows of features do.
        if column == "itemID" and number.any():
            raise DataError(
                f"{path}: {column} '{values[~number].iloc[0]}' is no number, as '{values[number].iloc[0]}' is; number "
                f"the ids from 0, or list them in {LISTS[column]} in the order of the features"
            )
        index, ids = pd.factorize(values, sort=True)
        return [str(name) for name in ids], index.astype(np.int64)
    if (long := values.str.len() > MOST_DIGITS).any():
        raise DataError(
            f"{path}: {column} {values[long].iloc[0][:20]}… is out of range; number the ids from 0, or use names"
        )
    numbers = [int(value) for value in values]
    if min(numbers) < 0:
        raise DataError(f"{path}: {column} {min(numbers)} is negative; number the ids from 0, or write them as names")
    if max(numbers) > 20 * len(numbers) + 1000:
        raise DataError(
            f"{path}: {column} {max(numbers)} is out of range for {counted(len(numbers), 'interaction')}; number the "
            f"ids from 0 without large gaps, write them as names, such as n{max(numbers)}, or list them in "
            f"{LISTS[column]}"
        )
    return [str(number) for number in range(max(numbers) + 1)], np.array(numbers, dtype=np.int64)
