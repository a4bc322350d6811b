"""The planted data set: hidden influences of known strength that are in one modality, in both, or between them."""

from brmrs_graph.data.planted.config import TYPES, Gamma, PlantedConfig
from brmrs_graph.data.planted.generate import Planted, generate_planted

__all__ = ["TYPES", "Gamma", "Planted", "PlantedConfig", "generate_planted"]
