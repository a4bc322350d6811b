"""A trained model in use: recommendations, similar users and items, new users, explanations."""

from brmrs_graph.serving.embeddings import EMBEDDINGS, read_branches, read_modalities, write_branches
from brmrs_graph.serving.explanation import BranchView, Explanation, Path
from brmrs_graph.serving.folder import load, save
from brmrs_graph.serving.item_paths import ITEM_PATHS, read_item_paths, write_item_paths
from brmrs_graph.serving.kept import KeptData
from brmrs_graph.serving.model import TrainedModel

__all__ = [
    "EMBEDDINGS",
    "ITEM_PATHS",
    "BranchView",
    "Explanation",
    "KeptData",
    "Path",
    "TrainedModel",
    "load",
    "read_branches",
    "read_item_paths",
    "read_modalities",
    "save",
    "write_branches",
    "write_item_paths",
]
