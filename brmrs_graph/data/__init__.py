"""Data sets: the object that holds one, readers, splits, encoders, the built-in catalogue and the planted data."""

from brmrs_graph.data.check import Finding
from brmrs_graph.data.corruption import Corruption, corrupt
from brmrs_graph.data.dataset import SPLITS, Encoding, MultimodalDataset, csr_from_pairs
from brmrs_graph.data.folder import read_folder
from brmrs_graph.data.folder_check import check_folder
from brmrs_graph.data.planted import Gamma, Planted, PlantedConfig, generate_planted
from brmrs_graph.data.splits import split_labels

__all__ = [
    "SPLITS",
    "Corruption",
    "Encoding",
    "Finding",
    "Gamma",
    "MultimodalDataset",
    "Planted",
    "PlantedConfig",
    "check_folder",
    "corrupt",
    "csr_from_pairs",
    "generate_planted",
    "read_folder",
    "split_labels",
]
