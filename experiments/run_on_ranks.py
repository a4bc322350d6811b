"""One training run on the ranks that torchrun has started; the same command as on one process, the same run folder."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path

import torch
from rich.console import Console

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.distributed import (
    FirstRankError,
    LostRankError,
    Ranks,
    ShardedObjective,
    ShardedTrainer,
    check_sharded,
    create_sharded_model,
    deal,
    joined,
)
from brmrs_graph.distributed.checkpoint import kept_epoch
from brmrs_graph.errors import BRMRSError, ConfigError
from brmrs_graph.training import require_branches
from brmrs_graph.training.checkpoint import save_tensors
from experiments import cli
from experiments.device import find_device
from experiments.run import finished_already, logger, read_data, say_objective
from experiments.run_results import HELD_OUT, Outcome, finish
from experiments.runfolder import RunFolder
from experiments.settings import RunSettings


def run_on_ranks(settings: RunSettings) -> None:
    """Trains on all ranks; rank 0 reads the data, and alone prints and writes all but the checkpoints.

    Args:
        settings: What to do.

    Raises:
        BRMRSError: If anything in settings, data or folder is wrong, or a rank is lost.
        SystemExit: On other ranks than 0, after an error of rank 0, or of this rank, which is printed with its number.
    """
    with joined(_device(settings.device)) as ranks, ExitStack() as held:
        try:
            _run(settings, ranks, held)
        except BRMRSError as error:
            if ranks.rank and not isinstance(error, LostRankError):
                if not isinstance(error, FirstRankError):  # rank 0 may have no error, only a lost rank
                    print(f"rank {ranks.rank}: error: {error}", file=sys.stderr)
                raise SystemExit(cli.BAD_INPUT) from error
            raise


def _run(settings: RunSettings, ranks: Ranks, held: ExitStack) -> None:
    console = Console(quiet=ranks.rank > 0, highlight=False)
    opened = ranks.first(lambda: _open(settings, console, held))
    todo = ranks.tell(None if opened is None else {"path": str(opened[0].path), "finished": opened[1] is None})
    if todo["finished"]:
        return
    folder = RunFolder(Path(todo["path"]))
    cli.use_threads(settings.threads)
    data, content_hash = opened[1] if opened is not None and opened[1] is not None else (None, "")
    shard = deal(data, ranks)
    model = create_sharded_model(settings.model, shard, settings.options, settings.seed)
    if settings.plug:
        require_branches(model)
    objective = ShardedObjective(settings.loss, shard, model)
    say_objective(settings, model, objective, console)
    console.out(f"{ranks.size} ranks; this one has {len(shard.users.own):,} users and {len(shard.items.own):,} items")
    ranks.first(lambda: folder.start(settings, content_hash))
    trainer = ShardedTrainer(model, objective, shard, settings.train, seed=settings.seed, folder=folder.checkpoints)
    if settings.resume:
        if ranks.tell(kept_epoch(folder.checkpoints)):
            trainer.resume()
        ranks.first(lambda: folder.cut_log(trainer.progress.epoch))
        console.out(f"going on after epoch {trainer.progress.epoch}")
    progress = trainer.fit(logger(settings, folder, None) if ranks.rank == 0 else None, show=ranks.rank == 0)
    own, branches = trainer.branches()
    rankings = {split: trainer.rankings(own, split) for split in HELD_OUT}
    parameters = trainer.parameters()
    sent = ranks.tell(dict(ranks.sent))
    if data is None or branches is None or parameters is None:
        return
    training = {
        "device": str(ranks.device),
        "parameters": sum(x.numel() for x in parameters.values()),
        "ranks": ranks.size,
        "bytes_sent": sent,
    }
    epoch = progress.best_epoch
    save_tensors(folder.checkpoints / f"best-{epoch}.safetensors", parameters, {"epoch": epoch})
    found = {split: ranking for split, ranking in rankings.items() if ranking is not None}
    outcome = Outcome(branches, found, progress, training, objective.notes)
    finish(settings, data, content_hash, outcome, folder, console)


def _open(
    settings: RunSettings, console: Console, held: ExitStack
) -> tuple[RunFolder, tuple[MultimodalDataset, str] | None]:
    """The run folder, which is held from now on, and the data with their hash if there is something left to do."""
    check_sharded(settings.model)
    folder = RunFolder.of(settings)
    held.enter_context(folder.held())
    folder.check(settings)
    if finished_already(settings, folder, console) is not None:
        return folder, None
    if settings.resume and folder.epochs:
        raise ConfigError(f"{folder.path} was trained by one process; go on with it without torchrun")
    return folder, read_data(settings, console)


def _device(name: str) -> torch.device:
    device = find_device(name)
    if device.type != "cuda":
        return device
    rank, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if rank >= gpus:
        raise ConfigError(f"{gpus} GPUs are here; start as many ranks a machine at most, or give --device cpu")
    device = torch.device("cuda", rank)
    torch.cuda.set_device(device)
    return device
