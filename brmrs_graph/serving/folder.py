"""A folder that holds a trained model: its vectors and what is kept of its data."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import CheckpointError
from brmrs_graph.models import ItemPaths
from brmrs_graph.serving.embeddings import EMBEDDINGS, read_branches, write_branches
from brmrs_graph.serving.item_paths import ITEM_PATHS, read_item_paths, write_item_paths
from brmrs_graph.serving.kept import KeptData
from brmrs_graph.serving.model import TrainedModel


def save(
    folder: str | PathLike[str],
    branches: Branches,
    data: MultimodalDataset,
    paths: ItemPaths | None = None,
) -> None:
    """Writes what :func:`load` reads; the folder of ``experiments.run`` has it already.

    Args:
        folder: Where to; made if absent.
        branches: What the trained model returns, in evaluation mode.
        data: The data set that it was trained on.
        paths: What the model's :meth:`~brmrs_graph.models.Recommender.item_paths` returns, for explanations.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    write_branches(path, branches)
    write_item_paths(path, paths)
    KeptData.of(data).write(path)


def load(folder: str | PathLike[str]) -> TrainedModel:
    """Reads a trained model; neither the data set nor the model's code is needed.

    Args:
        folder: The folder of a finished run, or one that :func:`save` wrote.

    Raises:
        CheckpointError: If files are missing or damaged, or belong to different runs.
        TrainingError: If a vector is NaN or infinite.
    """
    path = Path(folder)
    kept = KeptData.read(path)
    branches, paths = read_branches(path), read_item_paths(path)
    if (branches.num_users, branches.num_items) != kept.train.shape:
        users, items = kept.train.shape
        raise CheckpointError(
            f"{path / EMBEDDINGS} has vectors of {branches.num_users:,} users and {branches.num_items:,} items, but "
            f"the tables beside it list {users:,} and {items:,}: they belong to different runs; start the run anew "
            "with another --out"
        )
    if paths is not None and paths.graph.shape[0] != branches.num_items:
        raise CheckpointError(
            f"{path / ITEM_PATHS} is of other items than {path / EMBEDDINGS}; start the run anew with another --out"
        )
    return TrainedModel(branches, kept, paths)
