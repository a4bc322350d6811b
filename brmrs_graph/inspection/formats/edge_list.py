"""Item graphs as a table of edges between original ids, in Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp

from brmrs_graph.errors import DataError
from brmrs_graph.files import write_bytes
from brmrs_graph.graphs import SparseGraph

_COLUMNS = ("graph", "item_id", "neighbor_id", "rank", "weight")


def edge_table(graphs: Mapping[str, SparseGraph], item_ids: Sequence[str]) -> pd.DataFrame:
    """All edges of some item graphs, one a row.

    Args:
        graphs: Name -> graph, each N×N; see :meth:`~brmrs_graph.inspection.ItemGraphs.named`.
        item_ids: Original item ids, length N.

    Returns:
        Columns ``graph`` (its name), ``item_id``, ``neighbor_id``, ``rank`` (position of the neighbour on the item's
        list, from 1) and ``weight``, sorted by graph, item (in the order of ``item_ids``) and rank.
    """
    ids = np.asarray(item_ids, dtype=object)
    tables = [
        pd.DataFrame(
            {
                "graph": name,
                "item_id": ids[graph.row.numpy()],
                "neighbor_id": ids[graph.col.numpy()],
                "rank": (np.arange(graph.num_edges) - graph.indptr.numpy()[graph.row.numpy()] + 1).astype(np.int32),
                "weight": graph.weight.numpy(),
            }
        )
        for name, graph in graphs.items()
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_COLUMNS)


def write_edges(path: Path, graphs: Mapping[str, SparseGraph], item_ids: Sequence[str]) -> None:
    """Writes :func:`edge_table` as Parquet, in one step; needs pyarrow.

    Args:
        path: The file; its folder is made where it is not there.
        graphs: Name -> graph, each N×N.
        item_ids: Original item ids, length N.

    Raises:
        DataError: If an id is no text that a file can hold.
    """
    content = BytesIO()
    try:
        table = edge_table(graphs, item_ids)
        table.attrs = {"graphs": list(graphs)}  # names of graphs without edges, too
        table.to_parquet(content, engine="pyarrow", index=False)
    except UnicodeEncodeError as error:
        raise DataError(f"{path} cannot hold the id {error.object!r}, which is no valid text; change it") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, content.getvalue())


def read_edges(path: Path, item_ids: Sequence[str]) -> dict[str, SparseGraph]:
    """Reads back what :func:`write_edges` has written.

    Args:
        path: The file.
        item_ids: Original item ids, length N, in the order that the rows of the graphs are to have.

    Returns:
        Name -> graph, N×N, neighbours in the order of their ranks.

    Raises:
        DataError: If the file is missing or damaged, lacks a column, or names items that are not among the ids.
    """
    try:
        table = pd.read_parquet(path, engine="pyarrow")
    except ImportError:
        raise
    except Exception as error:  # what pyarrow raises for damaged files has no common class
        raise DataError(f"{path} cannot be read as Parquet ({error}); write the edges again") from error
    if absent := [column for column in _COLUMNS if column not in table]:
        raise DataError(f"{path} has no column {', '.join(absent)}; it must have {', '.join(_COLUMNS)}")
    numbers = pd.Index(item_ids)
    if not numbers.is_unique:
        raise DataError(f"the ids {', '.join(numbers[numbers.duplicated()].unique()[:3])} stand for several items each")
    for column in ("item_id", "neighbor_id"):
        found = numbers.get_indexer(table[column])
        if (unknown := table[column][found < 0].unique()).size:
            raise DataError(
                f"{path}: {column} names {len(unknown):,} items that the data set does not have "
                f"({', '.join(map(str, unknown[:3]))}); take the data set that the graphs were made of"
            )
        table[column] = found
    table = table.sort_values(["graph", "item_id", "rank"], kind="stable")
    names = table.attrs.get("graphs", table["graph"].unique())
    return {name: _graph(table[table["graph"] == name], len(numbers)) for name in names}


def _graph(edges: pd.DataFrame, num_items: int) -> SparseGraph:
    indptr = np.concatenate([[0], np.cumsum(np.bincount(edges["item_id"], minlength=num_items))])
    weight, col = edges["weight"].to_numpy(np.float32), edges["neighbor_id"].to_numpy()
    return SparseGraph.from_scipy(sp.csr_matrix((weight, col, indptr), shape=(num_items, num_items)))
