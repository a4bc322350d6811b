"""Evaluation: full ranking, metrics by user, and paired significance."""

from brmrs_graph.evaluation.metrics import ndcg, recall, summarize
from brmrs_graph.evaluation.ranking import Ranking, rank
from brmrs_graph.evaluation.significance import PairedDifference, paired_bootstrap

__all__ = ["PairedDifference", "Ranking", "ndcg", "paired_bootstrap", "rank", "recall", "summarize"]
