"""Models, one a file; each returns :class:`~brmrs_graph.branches.Branches` and is known by a name."""

from brmrs_graph.models.base import ItemPaths, Recommender
from brmrs_graph.models.bm3 import BM3, BM3Config
from brmrs_graph.models.bprmf import BPRMF, BPRMFConfig
from brmrs_graph.models.brmrs import BRMRS, BRMRSConfig
from brmrs_graph.models.ckd import CKD, CKDConfig
from brmrs_graph.models.contentknn import ContentKNN, ContentKNNConfig
from brmrs_graph.models.freedom import FREEDOM, FREEDOMConfig
from brmrs_graph.models.grcn import GRCN, GRCNConfig
from brmrs_graph.models.itemknn import ItemKNN, ItemKNNConfig
from brmrs_graph.models.latefusion import LateFusion, LateFusionConfig
from brmrs_graph.models.lattice import LATTICE, LATTICEConfig
from brmrs_graph.models.lgmrec import LGMRec, LGMRecConfig
from brmrs_graph.models.lightgcn import LightGCN, LightGCNConfig
from brmrs_graph.models.mentor import MENTOR, MENTORConfig
from brmrs_graph.models.mgcn import MGCN, MGCNConfig
from brmrs_graph.models.mmgcn import MMGCN, MMGCNConfig
from brmrs_graph.models.mmssl import MMSSL, MMSSLConfig
from brmrs_graph.models.mostpop import MostPop, MostPopConfig
from brmrs_graph.models.pgl import PGL, PGLConfig
from brmrs_graph.models.rearm import REARM, REARMConfig
from brmrs_graph.models.registry import create_model, model_class, model_config, model_names, register_model
from brmrs_graph.models.slmrec import SLMRec, SLMRecConfig
from brmrs_graph.models.smore import SMORE, SMOREConfig
from brmrs_graph.models.vbpr import VBPR, VBPRConfig

__all__ = [
    "BM3",
    "BPRMF",
    "BRMRS",
    "CKD",
    "FREEDOM",
    "GRCN",
    "LATTICE",
    "MENTOR",
    "MGCN",
    "MMGCN",
    "MMSSL",
    "PGL",
    "REARM",
    "SMORE",
    "VBPR",
    "BM3Config",
    "BPRMFConfig",
    "BRMRSConfig",
    "CKDConfig",
    "ContentKNN",
    "ContentKNNConfig",
    "FREEDOMConfig",
    "GRCNConfig",
    "ItemKNN",
    "ItemKNNConfig",
    "ItemPaths",
    "LATTICEConfig",
    "LGMRec",
    "LGMRecConfig",
    "LateFusion",
    "LateFusionConfig",
    "LightGCN",
    "LightGCNConfig",
    "MENTORConfig",
    "MGCNConfig",
    "MMGCNConfig",
    "MMSSLConfig",
    "MostPop",
    "MostPopConfig",
    "PGLConfig",
    "REARMConfig",
    "Recommender",
    "SLMRec",
    "SLMRecConfig",
    "SMOREConfig",
    "VBPRConfig",
    "create_model",
    "model_class",
    "model_config",
    "model_names",
    "register_model",
]
