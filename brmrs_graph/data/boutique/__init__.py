"""The boutique: a synthetic catalogue of garments with rendered pictures and written descriptions.

What users like depends on attributes that both modalities tell, on attributes that only one of them tells,
and on a combination of the two that no sum of unimodal scores can express; some texts and pictures are wrong
on purpose.
"""

from brmrs_graph.data.boutique.attributes import (
    JOINT,
    PICTURE_ONLY,
    SHARED,
    TEXT_ONLY,
    VOCABULARY,
    Attributes,
)
from brmrs_graph.data.boutique.catalogue import Boutique, generate_boutique
from brmrs_graph.data.boutique.config import BoutiqueConfig
from brmrs_graph.data.boutique.contact_sheet import contact_sheet
from brmrs_graph.data.boutique.descriptions import Description
from brmrs_graph.data.boutique.faults import Faults
from brmrs_graph.data.boutique.folder import write_boutique, write_pictures, write_tables
from brmrs_graph.data.boutique.preferences import Tastes

__all__ = [
    "JOINT",
    "PICTURE_ONLY",
    "SHARED",
    "TEXT_ONLY",
    "VOCABULARY",
    "Attributes",
    "Boutique",
    "BoutiqueConfig",
    "Description",
    "Faults",
    "Tastes",
    "contact_sheet",
    "generate_boutique",
    "write_boutique",
    "write_pictures",
    "write_tables",
]
