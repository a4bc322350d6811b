"""Memory, time and traffic of training on several ranks, on a generated data set of any size.

::

    torchrun --nproc-per-node 2 -m experiments.bench_ranks --users 100000 --items 20000 --pairs 2000000
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import tyro

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.distributed import Ranks, ShardedObjective, create_sharded_model, deal, joined, rank_on_ranks
from brmrs_graph.distributed.branches import ShardedBranches
from brmrs_graph.distributed.trainer import ShardedTrainer
from brmrs_graph.distributed.volume import halo_volume
from brmrs_graph.models import model_config
from brmrs_graph.training import objective_preset
from experiments import cli
from experiments.allocation import keep_freed_memory
from experiments.benchmark.memory import forget_peak, highest
from experiments.benchmark.sizes import Size, random_features, random_interactions


@dataclass(frozen=True)
class BenchSettings:
    """Measure training steps on ranks."""

    users: int = 100_000
    """Users."""
    items: int = 20_000
    """Items."""
    pairs: int = 2_000_000
    """Training pairs."""
    width: int = 64
    """Feature dimensions of each of two modalities."""
    model: str = "brmrs"
    """brmrs or lightgcn."""
    objective: str = "default"
    """What is minimised."""
    batch_size: int = 2048
    """Pairs per step."""
    steps: int = 5
    """Steps measured, after one that is not."""
    seed: int = 0
    """Seed of everything."""


def generated(settings: BenchSettings) -> MultimodalDataset:
    """The interactions and features of :mod:`experiments.benchmark.sizes`, of the size asked for."""
    data = random_interactions(Size("generated", settings.users, settings.items, settings.pairs), settings.seed)
    return replace(data, features=random_features(settings.items, dict.fromkeys(("visual", "textual"), settings.width)))


def measure(settings: BenchSettings, ranks: Ranks) -> dict[str, Any] | None:
    """Trains a few steps and evaluates once; what came out, on rank 0.

    Args:
        settings: What to measure.
        ranks: The ranks.
    """
    base = highest()
    shard = deal(generated(settings) if ranks.rank == 0 else None, ranks)
    forget_peak()  # rank 0 has had all of the data
    start = time.perf_counter()
    model = create_sharded_model(settings.model, shard, model_config(settings.model)(), settings.seed)
    objective = ShardedObjective(objective_preset(settings.objective), shard, model)
    trainer = ShardedTrainer(model, objective, shard, seed=settings.seed)
    built, set_up = time.perf_counter() - start, highest()
    assert trainer.optimizer is not None
    generator = torch.Generator().manual_seed(settings.seed)
    model.train()
    seconds, busy = [], []
    for step in range(settings.steps + 1):
        ranks.sent.clear()
        start, started = time.perf_counter(), time.process_time()
        batch = torch.randint(0, shard.counts()["train"], (settings.batch_size,), generator=generator)
        terms, _ = objective(model, *trainer.pairs(batch), 99, generator)
        trainer.optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        trainer.optimizer.step()
        seconds += [time.perf_counter() - start] if step else []
        busy += [time.process_time() - started] if step else []
    sent = dict(ranks.sent)
    trained = highest()
    ranks.sent.clear()
    start = time.perf_counter()
    model.eval()
    with torch.no_grad():
        branches = model()
    assert isinstance(branches, ShardedBranches)
    rank_on_ranks(branches, shard.valid)
    evaluated = time.perf_counter() - start
    own = [base, set_up, trained, highest(), halo_volume(model), float(np.median(busy)), *sent.values()]
    table = ranks.collect(torch.tensor([own], dtype=torch.float64), "results")
    if table is None:
        return None
    columns = table.t().tolist()
    memory = dict(zip(("imported", "set_up", "steps", "evaluation"), columns[:4], strict=True))
    return {
        "ranks": ranks.size,
        "settings": vars(settings),
        "pairs": shard.counts()["train"],
        "peak_mib_by_rank": {name: [round(1024 * x) for x in values] for name, values in memory.items()},
        "set_up_seconds": built,
        "step_seconds": float(np.median(seconds)),
        "step_cpu_seconds_by_rank": columns[5],
        "evaluation_seconds": evaluated,
        "bytes_sent_per_step": {name: int(sum(x)) for name, x in zip(sent, columns[6:], strict=True)},
        "halo_bytes_by_formula": int(sum(columns[4])),
        "evaluation_bytes_of_rank_0": ranks.sent["ranking"],
    }


def command(arguments: Sequence[str]) -> None:
    """Measures and prints one line of JSON."""
    keep_freed_memory()
    settings = tyro.cli(BenchSettings, args=list(arguments), prog="torchrun -m experiments.bench_ranks")
    with joined() as ranks:
        if (found := measure(settings, ranks)) is not None:
            print(json.dumps(found))


if __name__ == "__main__":
    sys.exit(cli.main(command))
