"""From a raw source to a data set folder, one stage a file."""

from brmrs_graph.data.preparation.account import account
from brmrs_graph.data.preparation.builtin import prepare_boutique
from brmrs_graph.data.preparation.features import ready_encoders
from brmrs_graph.data.preparation.interactions import SPLIT_RULES, Interactions, SplitRule, collect_interactions
from brmrs_graph.data.preparation.items import ItemContent, collect_items
from brmrs_graph.data.preparation.options import Options
from brmrs_graph.data.preparation.pictures import collect_pictures
from brmrs_graph.data.preparation.pipeline import Prepared, prepare
from brmrs_graph.data.preparation.publish import MANIFEST, changed_files, publish, read_manifest

__all__ = [
    "MANIFEST",
    "SPLIT_RULES",
    "Interactions",
    "ItemContent",
    "Options",
    "Prepared",
    "SplitRule",
    "account",
    "changed_files",
    "collect_interactions",
    "collect_items",
    "collect_pictures",
    "prepare",
    "prepare_boutique",
    "publish",
    "read_manifest",
    "ready_encoders",
]
