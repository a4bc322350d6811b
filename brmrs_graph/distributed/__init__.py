"""Training on several ranks: users, items and all that belongs to them sharded, on :mod:`torch.distributed`."""

from brmrs_graph.distributed.models import SHARDED, ShardedModel, check_sharded, create_sharded_model
from brmrs_graph.distributed.objective import ShardedObjective
from brmrs_graph.distributed.partition import Partition
from brmrs_graph.distributed.ranking import rank_on_ranks, summarize_on_ranks
from brmrs_graph.distributed.ranks import FirstRankError, LostRankError, Ranks, joined
from brmrs_graph.distributed.shard import Shard, deal
from brmrs_graph.distributed.trainer import ShardedTrainer

__all__ = [
    "SHARDED",
    "FirstRankError",
    "LostRankError",
    "Partition",
    "Ranks",
    "Shard",
    "ShardedModel",
    "ShardedObjective",
    "ShardedTrainer",
    "check_sharded",
    "create_sharded_model",
    "deal",
    "joined",
    "rank_on_ranks",
    "summarize_on_ranks",
]
