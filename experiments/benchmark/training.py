"""Part ``training``: every model, trained until it stops getting better or its epochs run out."""

from __future__ import annotations

import time
from typing import Any

import torch
from tqdm import tqdm

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.evaluation import rank, summarize
from brmrs_graph.models import create_model, model_class, model_names
from brmrs_graph.training import Objective, TrainConfig, Trainer, objective_preset
from brmrs_graph.training.trainer import METRIC
from experiments.benchmark.context import ROTATED, Context
from experiments.catalog import load


def measure(context: Context) -> dict[str, Any]:
    """Trains every model of the registry with its defaults.

    Seconds are those on the wall, by any clock. Those to the best epoch are of training and validation up to its end;
    building counts apart.
    """
    settings = context.settings
    data = load(settings.dataset, settings.data_root).rotated(ROTATED)
    rows = {}
    for name in tqdm(model_names(), unit="model", leave=False, disable=None):
        rows[name] = train(name, data, settings.epochs)
    kind = " (synthetic)" if data.synthetic else ""
    return {
        "title": f"every model with its defaults on {settings.dataset}{kind}, {settings.epochs} epochs at most",
        "rows": dict(sorted(rows.items(), key=lambda row: -row[1]["valid_recall_20"])),
    }


def train(name: str, data: MultimodalDataset, epochs: int, seed: int = 0) -> dict[str, Any]:
    """Trains a model.

    Args:
        name: Its name.
        data: What it is trained on.
        epochs: Most epochs.
        seed: Seed of everything random.

    Returns:
        Seconds of building, to the best epoch and of all, numbers of epochs, and validation Recall@20. A model that is
        not trained has no epochs, and no seconds but those of building and of one validation.
    """
    start = time.perf_counter()
    model = create_model(name, data, seed=seed)
    objective = Objective(objective_preset(model_class(name).default_objective), data, model)
    trainer = Trainer(model, objective, data, TrainConfig(epochs=epochs), seed=seed)
    building = time.perf_counter() - start
    epoch_seconds: list[float] = []
    progress = trainer.fit(lambda record: epoch_seconds.append(record["train_seconds"] + record["eval_seconds"]))
    best = progress.best
    if not epoch_seconds:
        start = time.perf_counter()
        model.eval()
        with torch.no_grad():
            best = summarize(rank(model(), data.train, data.valid)["fused"])[METRIC]
        epoch_seconds = [time.perf_counter() - start]
    return {
        "seconds_to_build": building,
        "seconds_to_best": sum(epoch_seconds[: max(progress.best_epoch, 1)]),
        "seconds_in_all": sum(epoch_seconds),
        "best_epoch": progress.best_epoch,
        "epochs": progress.epoch,
        "valid_recall_20": best,
    }
