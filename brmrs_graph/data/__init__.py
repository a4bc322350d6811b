"""Data sets: the object that holds one, readers, splits, encoders, and the built-in catalogue."""

from brmrs_graph.data.dataset import SPLITS, MultimodalDataset, csr_from_pairs
from brmrs_graph.data.folder import read_folder
from brmrs_graph.data.splits import split_labels

__all__ = ["SPLITS", "MultimodalDataset", "csr_from_pairs", "read_folder", "split_labels"]
