"""Evaluation: full ranking, metrics by user, intervals and paired significance."""

from brmrs_graph.evaluation.intervals import Estimate, Measurement, differences, estimates, resampled_sums
from brmrs_graph.evaluation.metrics import ndcg, recall, summarize
from brmrs_graph.evaluation.ranking import Ranking, rank
from brmrs_graph.evaluation.restrict import cold_items, only_users, restrict
from brmrs_graph.evaluation.significance import PairedDifference, holm, paired_bootstrap

__all__ = [
    "Estimate",
    "Measurement",
    "PairedDifference",
    "Ranking",
    "cold_items",
    "differences",
    "estimates",
    "holm",
    "ndcg",
    "only_users",
    "paired_bootstrap",
    "rank",
    "recall",
    "resampled_sums",
    "restrict",
    "summarize",
]
