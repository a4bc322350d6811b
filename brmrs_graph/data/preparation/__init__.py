"""From a raw source to a data set folder, one stage a file."""

from brmrs_graph.data.preparation.interactions import SPLIT_RULES, Interactions, collect_interactions
from brmrs_graph.data.preparation.items import ItemContent, write_items

__all__ = ["SPLIT_RULES", "Interactions", "ItemContent", "collect_interactions", "write_items"]
