"""Item graphs as one graph of networkx, and as GraphML for Gephi, Cytoscape and the like."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote

import networkx as nx  # type: ignore[import-untyped]

from brmrs_graph.files import write_bytes
from brmrs_graph.graphs import SparseGraph

# What XML 1.0 cannot hold, or a parser changes (\r), and the sign that stands for it.
_UNWRITABLE = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|%")


def to_networkx(graphs: Mapping[str, SparseGraph], item_ids: Sequence[str]) -> nx.DiGraph:
    """All edges of some item graphs in one directed graph, from an item to its neighbours.

    Args:
        graphs: Name -> graph, each N×N; see :meth:`~brmrs_graph.inspection.ItemGraphs.named`.
        item_ids: Original item ids, length N.

    Returns:
        Nodes are the numbers of the items, with their ``item_id``. An edge has an attribute for every graph that has
        it, named as the graph, with its weight there: an edge with several is one on which graphs agree.
    """
    merged = nx.DiGraph()
    merged.add_nodes_from((number, {"item_id": item}) for number, item in enumerate(item_ids))
    for name, graph in graphs.items():
        edges = zip(graph.row.tolist(), graph.col.tolist(), graph.weight.tolist(), strict=True)
        merged.add_edges_from((item, neighbor, {name: weight}) for item, neighbor, weight in edges)
    return merged


def write_graphml(path: Path, graphs: Mapping[str, SparseGraph], item_ids: Sequence[str]) -> None:
    """Writes what :func:`to_networkx` makes as GraphML, in one step.

    Ids are written as they are, but for ``%`` and for characters that XML cannot hold (control characters, carriage
    returns, halves of surrogate pairs): these are percent-encoded, so that :func:`decode_id` gives the id back.

    Args:
        path: The file; its folder is made where it is not there.
        graphs: Name -> graph, each N×N.
        item_ids: Original item ids, length N.
    """
    merged = to_networkx({_writable(name): graph for name, graph in graphs.items()}, [_writable(i) for i in item_ids])
    content = BytesIO()
    nx.write_graphml(merged, content, prettyprint=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, content.getvalue())


def decode_id(text: str) -> str:
    """The original id of an ``item_id`` read from GraphML."""
    return unquote(text, errors="surrogatepass")


def _writable(text: str) -> str:
    def encoded(match: re.Match[str]) -> str:
        return "".join(f"%{byte:02X}" for byte in match[0].encode(errors="surrogatepass"))

    return _UNWRITABLE.sub(encoded, text)
