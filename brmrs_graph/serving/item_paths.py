"""What a model adds to item vectors over its item graph, in one file: ``item_paths.safetensors`` of a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from brmrs_graph.errors import CheckpointError
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.models import ItemPaths
from brmrs_graph.training.checkpoint import load_tensors, save_tensors

ITEM_PATHS = "item_paths.safetensors"
"""Name of the file in its folder."""

_PARTS = ("indptr", "indices", "weight")


def graph_tensors(name: str, graph: SparseGraph) -> dict[str, Tensor]:
    """The parts of a graph, ``NAME.indptr`` and so on."""
    return {f"{name}.{part}": getattr(graph, part) for part in _PARTS}


def graph_of(tensors: Mapping[str, Tensor], name: str, columns: int) -> SparseGraph:
    """A graph from what :func:`graph_tensors` gave.

    Raises:
        KeyError: If a part is missing.
    """
    indptr, indices, weight = (tensors[f"{name}.{part}"] for part in _PARTS)
    return SparseGraph(indptr, indices, weight, columns)


def write_item_paths(folder: Path, paths: ItemPaths | None) -> None:
    """Writes the graph and the vectors of every branch, in one step; for a model without them no file."""
    if paths is not None:
        tensors = graph_tensors("graph", paths.graph) | {f"items.{name}": x for name, x in paths.items.items()}
        save_tensors(folder / ITEM_PATHS, {key: x.clone() for key, x in tensors.items()}, {"items": list(paths.items)})


def read_item_paths(folder: Path) -> ItemPaths | None:
    """Reads back what :func:`write_item_paths` wrote; None where there is no file.

    Raises:
        CheckpointError: If the file is truncated or of something else.
    """
    if not (path := folder / ITEM_PATHS).is_file():
        return None
    tensors, state = load_tensors(path)
    try:
        items = {name: tensors[f"items.{name}"] for name in state["items"]}
        return ItemPaths(graph_of(tensors, "graph", tensors["graph.indptr"].numel() - 1), items)
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} does not hold the item graph of a model ({error!r}); start the run anew with another --out"
        ) from error
