"""A trained model in use: recommendations, similar users and items, new users, explanations."""

from brmrs_graph.serving.embeddings import EMBEDDINGS, read_branches, read_modalities, write_branches
from brmrs_graph.serving.explanation import BranchView, Explanation
from brmrs_graph.serving.folder import load, save
from brmrs_graph.serving.kept import KeptData
from brmrs_graph.serving.model import TrainedModel

__all__ = [
    "EMBEDDINGS",
    "BranchView",
    "Explanation",
    "KeptData",
    "TrainedModel",
    "load",
    "read_branches",
    "read_modalities",
    "save",
    "write_branches",
]
