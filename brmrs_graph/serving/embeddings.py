"""The vectors of every branch in one file, dense or sparse: ``embeddings.safetensors`` of a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from brmrs_graph.branches import Branches
from brmrs_graph.errors import CheckpointError
from brmrs_graph.serving.item_paths import graph_of, graph_tensors
from brmrs_graph.sparse_branches import SparseBranches
from brmrs_graph.training.checkpoint import load_state, load_tensors, save_tensors

EMBEDDINGS = "embeddings.safetensors"
"""Name of the file in its folder."""

_T = TypeVar("_T")


def write_branches(folder: Path, branches: Branches) -> None:
    """Writes ``BRANCH.users`` and ``BRANCH.items`` of every branch, sparse ones in three parts each, in one step."""
    tensors: dict[str, Tensor] = {}
    state: dict[str, Any] = {"modalities": list(branches.modalities)}
    if isinstance(branches, SparseBranches):
        state["columns"] = {}
        for name, graphs in branches.graphs.items():
            for side, graph in zip(("users", "items"), graphs, strict=True):
                state["columns"][f"{name}.{side}"] = graph.num_cols
                tensors |= graph_tensors(f"{name}.{side}", graph)
    else:
        for name, (users, items) in branches.tables().items():
            tensors[f"{name}.users"], tensors[f"{name}.items"] = users, items
    # Copies: a table may serve several branches, and safetensors takes no shared memory.
    save_tensors(folder / EMBEDDINGS, {name: x.clone() for name, x in tensors.items()}, state)


def read_branches(folder: Path) -> Branches:
    """Reads back what :func:`write_branches` wrote, on the CPU.

    Raises:
        CheckpointError: If the file is missing, truncated or of something else.
    """
    tensors, state = load_tensors(folder / EMBEDDINGS)
    try:
        return _branches(tensors, state)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{folder / EMBEDDINGS} does not hold the vectors of branches ({error!r}); start the run anew with "
            "another --out"
        ) from error


def read_modalities(folder: Path) -> tuple[str, ...]:
    """The unimodal branches, without reading the vectors.

    Raises:
        CheckpointError: If the file is missing or truncated.
    """
    return tuple(load_state(folder / EMBEDDINGS)["modalities"])


def _branches(tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> Branches:
    modalities = tuple(state["modalities"])
    if "columns" in state:
        graphs = {name: graph_of(tensors, name, columns) for name, columns in state["columns"].items()}
        return SparseBranches(_side(graphs, "users"), _side(graphs, "items"), modalities)
    # The file sorts its tensors by name; branches keep the order of the modalities.
    users, items = _side(tensors, "users"), _side(tensors, "items")
    order = [*modalities, *(name for name in users if name not in modalities)]
    return Branches({name: users[name] for name in order}, items, modalities)


def _side(named: Mapping[str, _T], side: str) -> dict[str, _T]:
    return {name.removesuffix(f".{side}"): x for name, x in named.items() if name.endswith(f".{side}")}
