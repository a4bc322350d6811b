"""Train a model on a data set: ``python -m experiments.run --dataset NAME``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch
from rich.console import Console

from brmrs_graph.data import SPLITS, MultimodalDataset
from brmrs_graph.errors import ConfigError, DataError
from brmrs_graph.evaluation import rank
from brmrs_graph.models import Recommender, create_model
from brmrs_graph.training import PLUGS, PRESETS, Objective, Trainer, require_branches
from experiments import cli
from experiments.allocation import keep_freed_memory
from experiments.catalog import described, ensure_available, is_there, load_for, place
from experiments.device import find_device
from experiments.logs import Tensorboard
from experiments.prepare import PrepareSettings, prepare
from experiments.report import print_metrics
from experiments.run_results import HELD_OUT, Outcome, finish
from experiments.runfolder import RunFolder
from experiments.settings import RunSettings, parse

OnEpoch = Callable[[dict[str, Any]], None]


def command(arguments: Sequence[str]) -> None:
    """Parses the command line and runs, on all ranks if torchrun has started them."""
    settings = parse(arguments)
    keep_freed_memory()
    if torch.distributed.is_torchelastic_launched():
        from experiments.run_on_ranks import run_on_ranks  # what it imports takes seconds

        run_on_ranks(settings)
    else:
        run(settings)


def run(settings: RunSettings, *, quiet: bool = False, on_epoch: OnEpoch | None = None) -> dict[str, Any]:
    """Trains, evaluates and writes the run folder.

    Args:
        settings: What to do.
        quiet: Whether to print nothing.
        on_epoch: Called with the record of every epoch. An exception that it raises ends the run, which can be resumed:
            that epoch is done again.

    Returns:
        The content of ``metrics.json``.

    Raises:
        BusyError: If another process trains in the folder.
        BRMRSError: If anything in settings, data or folder is wrong.
    """
    folder = RunFolder.of(settings)
    with folder.held():
        return _train(settings, folder, Console(quiet=quiet, highlight=False), on_epoch)


def run_shared(settings: RunSettings, on_epoch: OnEpoch, on_wait: Callable[[], object]) -> dict[str, Any]:
    """Carries out a run that other processes may carry out, too: it goes on with what is in the folder, says nothing.

    Args:
        settings: What to do, with the folder; whether to resume is not looked at.
        on_epoch: As :func:`run` takes it.
        on_wait: Called if another process trains in the folder, which is then waited for.

    Returns:
        The content of ``metrics.json``.

    Raises:
        BRMRSError: If anything in settings, data or folder is wrong.
    """
    assert settings.out is not None
    folder = RunFolder(settings.out)
    with folder.held(on_wait):
        return _train(replace(settings, resume=folder.begun), folder, Console(quiet=True), on_epoch)


def _train(settings: RunSettings, folder: RunFolder, console: Console, on_epoch: OnEpoch | None) -> dict[str, Any]:
    """Does a run in a folder that is held."""
    folder.check(settings)
    if (finished := finished_already(settings, folder, console)) is not None:
        return finished
    if settings.resume and folder.of_ranks:
        raise ConfigError(
            f"{folder.path} was trained by several ranks; go on with it by `torchrun --nproc-per-node N -m "
            "experiments.run` and the same options, with any number of ranks, 1 too"
        )
    device = find_device(settings.device)
    cli.use_threads(settings.threads)
    data, content_hash = read_data(settings, console)
    model = create_model(settings.model, data, settings.options, settings.seed)
    if settings.plug:
        require_branches(model)
    objective = Objective(settings.loss, data, model)
    say_objective(settings, model, objective, console)
    folder.start(settings, content_hash)
    trainer = Trainer(
        model, objective, data, settings.train, seed=settings.seed, folder=folder.checkpoints, device=device
    )
    if settings.resume:
        if folder.epochs:
            trainer.resume()
        folder.cut_log(trainer.progress.epoch)
        console.out(f"going on after epoch {trainer.progress.epoch}")
    try:
        progress = trainer.fit(logger(settings, folder, on_epoch), show=not console.quiet)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"{folder.epochs} epochs are kept in {folder.path}; the same command with --resume goes on"
        ) from None
    model.eval()
    with torch.no_grad():
        branches, paths = model(), model.item_paths()
    rankings = {split: rank(branches, data.train, data.split(split), names=branches.names) for split in HELD_OUT}
    training = {
        "device": str(next((p.device for p in model.parameters()), "cpu")),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }
    outcome = Outcome(branches, rankings, progress, training, objective.notes, paths)
    return finish(settings, data, content_hash, outcome, folder, console)


def finished_already(settings: RunSettings, folder: RunFolder, console: Console) -> dict[str, Any] | None:
    """The metrics of a run to be resumed that has nothing left to do, else None."""
    finished = folder.read_metrics() if settings.resume else None
    if finished is None or settings.train.epochs > finished["settings"]["train"]["epochs"]:
        return None
    console.out(f"{folder.path} is finished already")
    if not folder.keeps_data:
        _add_kept_data(settings, folder, finished)
    print_metrics(finished, console)
    return finished


def read_data(settings: RunSettings, console: Console) -> tuple[MultimodalDataset, str]:
    """The data set, prepared if need be and rotated, and its content hash before that.

    Raises:
        DataError: If it is missing, wrong or without interactions.
    """
    ensure_available(settings.dataset, settings.data_root)
    folder = place(settings.dataset, settings.data_root)
    if not is_there(folder) and described(settings.dataset).sources:
        prepare(PrepareSettings(dataset=settings.dataset, out=folder.parent))
    source = load_for(settings, progress=not console.quiet)
    console.out(source.summary())
    if empty := [split for split in SPLITS if not source.split(split).nnz]:
        raise DataError(
            f"data set '{source.name}' has no {' and no '.join(empty)} interactions; correct the x_label in "
            f"{source.name}.inter, or delete this column to have users with at least three interactions split at random"
        )
    data = source.rotated(settings.feature_dim)
    for note in data.notes[len(source.notes) :]:
        console.out(f"  note: {note}")
    return data, source.content_hash


def say_objective(settings: RunSettings, model: Recommender, objective: Objective, console: Console) -> None:
    """Says what is minimised."""
    if any(True for _ in model.parameters()):
        about, preset = PRESETS[settings.objective]
        console.out(f"objective {settings.objective}: {about}")
        now, then = asdict(settings.loss), asdict(preset)
        if changed := [f"{name} {value}" for name, value in now.items() if value != then[name]]:
            console.out(f"  with other options: {', '.join(changed)}")
    for name in filter(None, settings.plug.split(",")):
        console.out(f"plugged in {name}: {PLUGS[name][0]}")
    for note in objective.notes:
        console.out(f"note: {note}")


def logger(settings: RunSettings, folder: RunFolder, on_epoch: OnEpoch | None) -> OnEpoch:
    """What keeps the record of every epoch."""
    board = Tensorboard(folder.path) if settings.tensorboard else None

    def log(record: dict[str, Any]) -> None:
        folder.log(record)
        if board is not None:
            board.add(record)
        if on_epoch is not None:
            on_epoch(record)

    return log


def _add_kept_data(settings: RunSettings, folder: RunFolder, finished: dict[str, Any]) -> None:
    """Gives a run that was made before ids were kept what it lacks, if the data set is still the same."""
    data = load_for(settings)
    if data.content_hash != finished["data"]["hash"]:
        raise ConfigError(
            f"the data set '{data.name}' has changed since {folder.path} was trained (content hash "
            f"{finished['data']['hash']} then, {data.content_hash} now), so that ids cannot be added to the run; train "
            "it anew with another --out"
        )
    folder.write_kept_data(data)


if __name__ == "__main__":
    sys.exit(cli.main(command))
