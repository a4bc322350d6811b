"""The training loop on several ranks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.distributed.branches import ShardedBranches
from brmrs_graph.distributed.checkpoint import BEST, EPOCH, delete_older, kept_epoch, load_sharded, save_sharded
from brmrs_graph.distributed.models import ShardedModel
from brmrs_graph.distributed.objective import ShardedObjective
from brmrs_graph.distributed.ranking import collect_ranking, rank_on_ranks, summarize_on_ranks
from brmrs_graph.distributed.shard import Shard
from brmrs_graph.evaluation import Ranking
from brmrs_graph.training import TrainConfig, Trainer
from brmrs_graph.training.checkpoint import training_tensors


class ShardedTrainer(Trainer):
    """Trains a sharded model; batches, losses and decisions are the same on all ranks, rows and gradients their own.

    Args:
        model: The model, with the rows of this rank.
        objective: The loss.
        data: This rank's part of the data.
        config: Options.
        seed: Seed of shuffling, negatives and edge dropping.
        folder: Where checkpoints are kept, a folder that all ranks see (default: nowhere).
    """

    model: ShardedModel
    data: Shard

    def __init__(
        self,
        model: ShardedModel,
        objective: ShardedObjective,
        data: Shard,
        config: TrainConfig | None = None,
        *,
        seed: int = 999,
        folder: Path | None = None,
    ) -> None:
        super().__init__(model, objective, data, config, seed=seed, folder=folder, device=data.ranks.device)

    def rankings(self, branches: Branches, split: str) -> dict[str, Ranking] | None:
        """The rankings of a split's users in every branch, on rank 0; None on the others."""
        assert isinstance(branches, ShardedBranches)
        first, ranks = self.data.users.own.start, self.data.ranks
        own = rank_on_ranks(branches, self.data.split(split), names=branches.names)
        found = {name: collect_ranking(ranking, first, ranks) for name, ranking in own.items()}
        return {name: ranking for name, ranking in found.items() if ranking is not None} or None

    def branches(self) -> tuple[ShardedBranches, Branches | None]:
        """The branches of this rank, and those of all, with rows of all users and items, on rank 0."""
        self.model.eval()
        with torch.no_grad():
            own = self.model()
        sides: tuple[dict[str, Tensor | None], dict[str, Tensor | None]] = ({}, {})
        for name, tables in own.tables().items():
            for side, table in zip(sides, tables, strict=True):
                side[name] = self.data.ranks.collect(table, "results")
        users, items = ({name: x for name, x in side.items() if x is not None} for side in sides)
        return own, Branches(users, items, own.modalities) if users else None

    def parameters(self) -> dict[str, Tensor] | None:
        """The model's parameters as those of a model that is not sharded, on rank 0; None on the others."""
        whole = {}
        for name, x in self.model.state_dict().items():
            sharded = self.model.partition_of(name) is not None
            whole[name] = self.data.ranks.collect(x, "results") if sharded else x.cpu()
        return None if self.data.ranks.rank else {name: x for name, x in whole.items() if x is not None}

    def pairs(self, batch: Tensor) -> Tensor:
        """Users (row 0) and items (row 1) of some training interactions of all ranks, by their numbers."""
        first = self.data.first_edge
        place = ((batch >= first) & (batch < first + self.edges.size(1))).nonzero().squeeze(1)
        pairs = self.edges.new_zeros(2, batch.numel())
        pairs[:, place] = self.edges[:, batch[place] - first]
        pairs[0, place] += self.data.users.own.start
        return self.data.ranks.sum(pairs, "batch")

    def _validate(self, branches: Branches) -> dict[str, float]:
        assert isinstance(branches, ShardedBranches)
        return summarize_on_ranks(rank_on_ranks(branches, self.data.valid)[FUSED], self.data.ranks)

    def _save_last(self, folder: Path, optimizer: torch.optim.Optimizer) -> None:
        epoch = self.progress.epoch
        tensors = training_tensors(self.model, optimizer)
        save_sharded(folder / f"{EPOCH}-{epoch}", tensors, self.model, asdict(self.progress))
        delete_older(folder, {EPOCH: epoch, BEST: self.progress.best_epoch}, self.data.ranks)

    def _read_last(self, folder: Path) -> tuple[Path, dict[str, Tensor], dict[str, Any]]:
        path = folder / f"{EPOCH}-{kept_epoch(folder)}"
        return path, *load_sharded(path, self.model)

    def _save_best(self, folder: Path) -> None:
        tensors = {f"model.{name}": x for name, x in self.model.state_dict().items()}
        save_sharded(folder / f"{BEST}-{self.progress.epoch}", tensors, self.model, {})

    def _read_best(self, folder: Path) -> dict[str, Tensor]:
        tensors, _ = load_sharded(folder / f"{BEST}-{self.progress.best_epoch}", self.model)
        return {name.removeprefix("model."): x for name, x in tensors.items()}
