"""What a trained model gives: the rest of its run folder, and the table on the terminal."""

from __future__ import annotations

import hashlib
import platform
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

import brmrs_graph
from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis import fusion_degeneration, hit_partition
from brmrs_graph.evaluation import Measurement, Ranking, cold_items, restrict, summarize
from brmrs_graph.files import module_checksums
from brmrs_graph.models import ItemPaths
from brmrs_graph.training import Progress
from experiments.report import print_metrics
from experiments.runfolder import RunFolder
from experiments.settings import RunSettings, to_dict

HELD_OUT = ("valid", "test")


@dataclass(frozen=True)
class Outcome:
    """A trained model, as far as a run folder keeps it.

    Args:
        branches: Its branches, of all users and items.
        rankings: Held-out split -> branch -> ranking.
        progress: How training went.
        training: What else is to be known of it: device, number of parameters.
        notes: Those of the objective.
        paths: What the model adds to item vectors over its item graph, if it says so.
    """

    branches: Branches
    rankings: dict[str, dict[str, Ranking]]
    progress: Progress
    training: dict[str, Any]
    notes: Sequence[str]
    paths: ItemPaths | None = None


def finish(
    settings: RunSettings,
    data: MultimodalDataset,
    content_hash: str,
    outcome: Outcome,
    folder: RunFolder,
    console: Console,
) -> dict[str, Any]:
    """Writes what a trained model gives, and shows it.

    Args:
        settings: Those of the run.
        data: The data set.
        content_hash: Its content hash, before features were rotated.
        outcome: The trained model.
        folder: Where to write.
        console: Where it is shown.

    Returns:
        The content of ``metrics.json``.
    """
    branches, rankings, progress = outcome.branches, outcome.rankings, outcome.progress
    folder.write_embeddings(branches)
    folder.write_item_paths(outcome.paths)
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
            **outcome.training,
            "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        },
        "data": {
            "counts": data.counts(),
            "hash": content_hash,
            "synthetic": data.synthetic,
            "notes": list(data.notes),
        },
        "notes": list(outcome.notes),
        "versions": versions(),
        "settings": to_dict(settings),
    }
    folder.write_metrics(metrics)
    print_metrics(metrics, console)
    best = f"best epoch {progress.best_epoch} of {progress.epoch}, " if progress.epoch else ""
    console.out(f"{best}{progress.train_seconds:.0f} s of training, {progress.eval_seconds:.0f} s of validation")
    console.out(f"run folder: {folder.path}")
    return metrics


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


def versions() -> dict[str, str]:
    """Versions of what a result depends on, by package; that of this library ends with the checksum of its modules."""
    found = {"python": platform.python_version(), "threads": str(torch.get_num_threads())}
    found["brmrs-graph"] = f"{brmrs_graph.__version__}+{_library()[:12]}"
    for package in ("torch", "torch-geometric", "torch-scatter", "numpy", "scipy"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


@cache
def _library() -> str:
    modules = module_checksums(Path(brmrs_graph.__file__).parent)
    return hashlib.sha256("\n".join(modules).encode()).hexdigest()
