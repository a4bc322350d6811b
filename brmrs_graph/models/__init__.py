"""Models, one a file; each returns :class:`~brmrs_graph.branches.Branches` and is known by a name."""

from brmrs_graph.models.base import Recommender
from brmrs_graph.models.bprmf import BPRMF, BPRMFConfig
from brmrs_graph.models.brmrs import BRMRS, BRMRSConfig
from brmrs_graph.models.lightgcn import LightGCN, LightGCNConfig
from brmrs_graph.models.mostpop import MostPop, MostPopConfig
from brmrs_graph.models.registry import create_model, model_class, model_config, model_names, register_model
from brmrs_graph.models.vbpr import VBPR, VBPRConfig

__all__ = [
    "BPRMF",
    "BRMRS",
    "VBPR",
    "BPRMFConfig",
    "BRMRSConfig",
    "LightGCN",
    "LightGCNConfig",
    "MostPop",
    "MostPopConfig",
    "Recommender",
    "VBPRConfig",
    "create_model",
    "model_class",
    "model_config",
    "model_names",
    "register_model",
]
