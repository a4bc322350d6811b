"""Training: the objective (a weighted sum of losses), its presets, the loop, and checkpoints."""

from brmrs_graph.training.objective import Objective, ObjectiveConfig
from brmrs_graph.training.presets import PRESETS, objective_preset
from brmrs_graph.training.trainer import Progress, TrainConfig, Trainer

__all__ = [
    "PRESETS",
    "Objective",
    "ObjectiveConfig",
    "Progress",
    "TrainConfig",
    "Trainer",
    "objective_preset",
]
