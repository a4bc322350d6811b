"""Training: the objective (a weighted sum of losses), its presets, the loop, and checkpoints."""

from brmrs_graph.training.objective import Objective
from brmrs_graph.training.objective_config import ObjectiveConfig
from brmrs_graph.training.plug import PLUGS, plug, require_branches
from brmrs_graph.training.presets import PRESETS, objective_preset
from brmrs_graph.training.trainer import Progress, TrainConfig, Trainer

__all__ = [
    "PLUGS",
    "PRESETS",
    "Objective",
    "ObjectiveConfig",
    "Progress",
    "TrainConfig",
    "Trainer",
    "objective_preset",
    "plug",
    "require_branches",
]
