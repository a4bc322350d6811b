"""Train a model on a data set: ``python -m experiments.run --dataset NAME``."""

from __future__ import annotations

import os
import platform
import resource
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any

import torch

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import SPLITS, MultimodalDataset
from brmrs_graph.diagnosis import fusion_degeneration, hit_partition
from brmrs_graph.errors import ConfigError, DataError
from brmrs_graph.evaluation import Measurement, Ranking, cold_items, rank, restrict, summarize
from brmrs_graph.models import Recommender, create_model
from brmrs_graph.training import PLUGS, PRESETS, Objective, Progress, Trainer, require_branches
from experiments import cli
from experiments.catalog import BUILT_IN, described, is_there, load_for
from experiments.logs import Tensorboard
from experiments.prepare import PrepareSettings, prepare
from experiments.report import print_metrics
from experiments.runfolder import RunFolder
from experiments.settings import RunSettings, parse, to_dict


def command(arguments: Sequence[str]) -> None:
    """Parses the command line and runs."""
    run(parse(arguments))


def run(
    settings: RunSettings, *, quiet: bool = False, on_epoch: Callable[[dict[str, Any]], None] | None = None
) -> dict[str, Any]:
    """Trains, evaluates and writes the run folder.

    Args:
        settings: What to do.
        quiet: Whether to print nothing.
        on_epoch: Called with the record of every epoch. An exception that it raises ends the run, which can be resumed:
            that epoch is done again.

    Returns:
        The content of ``metrics.json``.

    Raises:
        BRMRSError: If anything in settings, data or folder is wrong.
    """
    say = (lambda *_: None) if quiet else print
    folder = RunFolder.open(settings)
    finished = folder.read_metrics() if settings.resume else None
    if finished is not None and settings.train.epochs <= finished["settings"]["train"]["epochs"]:
        say(f"{folder.path} is finished already")
        if not folder.keeps_data:
            _add_kept_data(settings, folder, finished)
        if not quiet:
            print_metrics(finished)
        return finished
    device = _device(settings.device)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    root = settings.data_root or BUILT_IN
    if not is_there(root / settings.dataset) and described(settings.dataset).sources:
        prepare(PrepareSettings(dataset=settings.dataset, out=root))
    source = load_for(settings, progress=not quiet)
    say(source.summary())
    if empty := [split for split in SPLITS if not source.split(split).nnz]:
        raise DataError(
            f"data set '{source.name}' has no {' and no '.join(empty)} interactions; correct the x_label in "
            f"{source.name}.inter, or delete this column to have users with at least three interactions split at random"
        )
    data = source.rotated(settings.feature_dim)
    for note in data.notes[len(source.notes) :]:
        say(f"  note: {note}")
    model = create_model(settings.model, data, settings.options, settings.seed)
    if settings.plug:
        require_branches(model)
    objective = Objective(settings.loss, data, model)
    if any(True for _ in model.parameters()):
        say(f"objective {settings.objective}: {PRESETS[settings.objective][0]}")
    for name in filter(None, settings.plug.split(",")):
        say(f"plugged in {name}: {PLUGS[name][0]}")
    for note in objective.notes:
        say(f"note: {note}")

    folder.start(settings, source.content_hash)
    trainer = Trainer(
        model, objective, data, settings.train, seed=settings.seed, folder=folder.checkpoints, device=device
    )
    if settings.resume:
        if folder.epochs:
            trainer.resume()
        folder.cut_log(trainer.progress.epoch)
        say(f"going on after epoch {trainer.progress.epoch}")
    board = Tensorboard(folder.path) if settings.tensorboard else None

    def log(record: dict[str, Any]) -> None:
        folder.log(record)
        if board is not None:
            board.add(record)
        if on_epoch is not None:
            on_epoch(record)

    try:
        progress = trainer.fit(log, show=not quiet)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"{folder.epochs} epochs are kept in {folder.path}; the same command with --resume goes on"
        ) from None
    metrics = _finish(settings, data, source.content_hash, model, objective, progress, folder)
    if not quiet:
        print_metrics(metrics)
        best = f"best epoch {progress.best_epoch} of {progress.epoch}, " if progress.epoch else ""
        say(f"{best}{progress.train_seconds:.0f} s of training, {progress.eval_seconds:.0f} s of validation")
        say(f"run folder: {folder.path}")
    return metrics


def _finish(
    settings: RunSettings,
    data: MultimodalDataset,
    content_hash: str,
    model: Recommender,
    objective: Objective,
    progress: Progress,
    folder: RunFolder,
) -> dict[str, Any]:
    model.eval()
    with torch.no_grad():
        branches = model()
    rankings = {
        split: rank(branches, data.train, data.split(split), names=branches.names) for split in ("valid", "test")
    }
    folder.write_embeddings(branches)
    folder.write_kept_data(data)
    folder.write_rankings(rankings)
    metrics = {
        "dataset": settings.dataset,
        "model": settings.model,
        "objective": settings.objective,
        "seed": settings.seed,
        **{split: summarize(rankings[split]["fused"]) for split in rankings},
        "branches": {
            split: {name: summarize(ranking) for name, ranking in by_branch.items() if name != "fused"}
            for split, by_branch in rankings.items()
        },
        **_cold(data, rankings["test"][FUSED]),
        "diagnosis": _diagnose(branches, rankings["test"]),
        "training": {
            "epochs": progress.epoch,
            "best_epoch": progress.best_epoch,
            "train_seconds": progress.train_seconds,
            "eval_seconds": progress.eval_seconds,
            "device": str(next((p.device for p in model.parameters()), "cpu")),
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        },
        "data": {
            "counts": data.counts(),
            "hash": content_hash,
            "synthetic": data.synthetic,
            "notes": list(data.notes),
        },
        "notes": list(objective.notes),
        "versions": versions(),
        "settings": to_dict(settings),
    }
    folder.write_metrics(metrics)
    return metrics


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


def _diagnose(branches: Branches, rankings: dict[str, Ranking]) -> dict[str, Any] | str:
    if not branches.modalities:
        return "not measured: the model has no unimodal branches"
    partition = hit_partition(rankings, branches.modalities)
    degeneration = fusion_degeneration(rankings[FUSED], {name: rankings[name] for name in branches.modalities})
    return {
        "order": list(partition.branches),
        "partition@20": {cell: _value(share) for cell, share in partition.cells.items()},
        "degeneration@20": _value(degeneration.rate),
    }


def _cold(data: MultimodalDataset, ranking: Ranking) -> dict[str, Any]:
    """Test metrics over held-out pairs of items with and without training pairs; nothing if all have some."""
    cold = cold_items(data.train)
    parts = {name: restrict(ranking, data.test, items) for name, items in (("cold", cold), ("warm", ~cold))}
    if not parts["cold"].users.numel():
        return {}
    return {"cold": {name: {"pairs": int(part.num_relevant.sum())} | summarize(part) for name, part in parts.items()}}


def _value(measurement: Measurement) -> float:
    return measurement.estimate(samples=0).value  # intervals are for experiments.diagnose


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        if device.type == "cuda":
            # Sums on the GPU are in no fixed order unless this is asked for, before its first use.
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(True, warn_only=True)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device '{name}' cannot be used here; choose auto, cpu or cuda") from error
    return device


def versions() -> dict[str, str]:
    """Versions of what a result depends on, by package."""
    found = {"python": platform.python_version(), "threads": str(torch.get_num_threads())}
    for package in ("torch", "torch-geometric", "torch-scatter", "numpy", "scipy"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


if __name__ == "__main__":
    sys.exit(cli.main(command))
