"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import CheckpointError, ConfigError, DataError, TrainingError
from brmrs_graph.evaluation import rank, summarize
from brmrs_graph.models import Recommender
from brmrs_graph.training.checkpoint import (
    load_model,
    load_tensors,
    restore_training,
    save_tensors,
    training_tensors,
)
from brmrs_graph.training.objective import Objective


@dataclass(frozen=True)
class TrainConfig:
    """Options of the training loop."""

    epochs: int = 1000
    """Most epochs."""
    patience: int = 20
    """Evaluations without a better validation Recall@20 after which training stops."""
    eval_every: int = 1
    """Epochs between evaluations."""
    batch_size: int = 2048
    """Training interactions per step."""
    lr: float = 1e-3
    """Learning rate of Adam."""
    lr_decay: float = 0.96
    """Factor of the learning rate per 50 epochs."""

    def __post_init__(self) -> None:
        """Checks the ranges."""
        for name in ("epochs", "patience", "eval_every", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"train.{name} is {getattr(self, name)}; it must be at least 1")
        if self.lr <= 0 or self.lr_decay <= 0:
            raise ConfigError(f"train.lr ({self.lr}) and train.lr_decay ({self.lr_decay}) must be above 0")


METRIC = "recall@20"


@dataclass
class Progress:
    """Where training stands after an epoch; all of it goes into the checkpoint."""

    epoch: int = 0
    """Epochs done."""
    best_epoch: int = 0
    """Epoch (counted from 1) with the best validation metric."""
    best: float = -1.0
    """That metric."""
    train_seconds: float = 0.0
    """Time spent in training steps."""
    eval_seconds: float = 0.0
    """Time spent in evaluations."""


class Trainer:
    """Trains a model with early stopping on validation Recall@20.

    Everything random in an epoch follows from the seed and the epoch's number, so that a run that was stopped and
    resumed equals one that was not.

    Args:
        model: The model; moved to ``device``.
        objective: The loss.
        data: The data; validation interactions are used for early stopping only.
        config: Options.
        seed: Seed of shuffling, negatives and edge dropping.
        folder: Where checkpoints are kept (default: nowhere; the best parameters are kept in memory).
        device: Where to train.
    """

    def __init__(
        self,
        model: Recommender,
        objective: Objective,
        data: MultimodalDataset,
        config: TrainConfig | None = None,
        *,
        seed: int = 999,
        folder: Path | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.config = config or TrainConfig()
        self.device = torch.device(device)
        self.model = model.to(self.device)
        self.objective = objective.to(self.device)
        self.data = data
        self.seed = seed
        self.folder = folder
        self.progress = Progress()
        self.edges = data.train_edges.to(self.device)
        parameters = list(model.parameters())
        self.optimizer = torch.optim.Adam(parameters, lr=self.config.lr, fused=True) if parameters else None
        self._best: dict[str, Tensor] = {}

    def resume(self) -> None:
        """Goes back to the last finished epoch in ``folder``.

        Raises:
            CheckpointError: If there is none, or it is of another model.
        """
        if self.folder is None or self.optimizer is None:
            raise CheckpointError("there is no folder, or nothing that is trained, to resume")
        path, tensors, state = self._read_last(self.folder)
        restore_training(self.model, self.optimizer, tensors)
        try:
            self.progress = Progress(**state)
        except TypeError as error:
            raise CheckpointError(
                f"{path} is no checkpoint of a training run; start anew with another --out"
            ) from error

    def fit(self, on_epoch: Callable[[dict[str, Any]], None] | None = None, show: bool = False) -> Progress:
        """Trains until patience or epochs run out, then puts the best parameters into the model.

        Args:
            on_epoch: Called after every epoch with a record that JSON can hold (losses, validation metrics, seconds),
                before the epoch's checkpoint is written.
            show: Whether to show a progress bar, on a terminal.

        Raises:
            DataError: If there are no training or no validation interactions.
            TrainingError: If a term of the loss becomes NaN or infinite.
        """
        if self.optimizer is None:
            return self.progress
        for split in ("train", "valid"):
            if self.data.counts()[split] == 0:
                raise DataError(f"data set '{self.data.name}' has no {split} interactions, which training needs")
        with tqdm(
            total=self.config.epochs,
            initial=self.progress.epoch,
            unit="epoch",
            disable=None if show else True,  # None: no bar where the output is no terminal
            leave=False,
        ) as bar:
            while self.progress.epoch < self.config.epochs and not self._out_of_patience():
                record = self._epoch()
                bar.set_postfix_str(_describe(record, self.progress), refresh=False)
                bar.update()
                if on_epoch is not None:
                    on_epoch(record)
                if self.folder is not None:
                    self._save_last(self.folder, self.optimizer)
        self.load_best()
        return self.progress

    def load_best(self) -> None:
        """Puts the parameters of the best validation epoch into the model, for evaluation."""
        if self.folder is not None:
            self._best = self._read_best(self.folder)
        load_model(self.model, self._best)
        self.model.eval()

    def pairs(self, batch: Tensor) -> Tensor:
        """Users (row 0) and items (row 1) of some training interactions, by their numbers (int64, shape [B])."""
        return self.edges[:, batch]

    def _out_of_patience(self) -> bool:
        # Evaluations since the best one, which may have been the last chance of a shorter run that now goes on.
        every = self.config.eval_every
        waited = self.progress.epoch // every - self.progress.best_epoch // every
        return self.progress.epoch > 0 and waited >= self.config.patience

    def _epoch(self) -> dict[str, Any]:
        start = time.perf_counter()
        epoch = self.progress.epoch
        # Seeds a few apart give unrelated streams, since the generator hashes its seed.
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        assert self.optimizer is not None
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr * self.config.lr_decay ** (epoch / 50)
        self.model.train()
        self.model.begin_epoch(generator)
        order = torch.randperm(self.data.counts()["train"], generator=generator).to(self.device)
        sums: dict[str, float] = {}
        for batch in order.split(self.config.batch_size):
            users, positives = self.pairs(batch)
            terms, logged = self.objective(self.model, users, positives, epoch, generator)
            loss = torch.stack(list(terms.values())).sum()
            values = {name: float(x.detach()) for name, x in (terms | logged).items()}
            _check_finite(values, epoch)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            for name, value in values.items():
                sums[name] = sums.get(name, 0.0) + value * batch.numel()
        self.progress.epoch += 1
        record: dict[str, Any] = {"epoch": self.progress.epoch}
        record["loss"] = {name: value / order.numel() for name, value in sums.items()}
        record["train_seconds"] = time.perf_counter() - start
        self.progress.train_seconds += record["train_seconds"]
        # A run shorter than eval_every is evaluated once, so that there is a best epoch.
        last_chance = self.progress.epoch == self.config.epochs and self.progress.best_epoch == 0
        if self.progress.epoch % self.config.eval_every == 0 or last_chance:
            record |= self._evaluate()
        return record

    def _evaluate(self) -> dict[str, Any]:
        start = time.perf_counter()
        self.model.eval()
        with torch.no_grad():
            metrics = self._validate(self.model())
        if metrics[METRIC] > self.progress.best:
            self.progress.best, self.progress.best_epoch = metrics[METRIC], self.progress.epoch
            if self.folder is not None:
                self._save_best(self.folder)
            else:
                self._best = {name: x.clone() for name, x in self.model.state_dict().items()}
        seconds = time.perf_counter() - start
        self.progress.eval_seconds += seconds
        return {"valid": metrics, "eval_seconds": seconds}

    # What a trainer on several ranks does otherwise.

    def _validate(self, branches: Branches) -> dict[str, float]:
        return summarize(rank(branches, self.data.train, self.data.valid)[FUSED])

    def _save_last(self, folder: Path, optimizer: torch.optim.Optimizer) -> None:
        save_tensors(folder / "last.safetensors", training_tensors(self.model, optimizer), asdict(self.progress))
        # Only now may the best parameters of before go: had this run been stopped, it would go on from them.
        for path in folder.glob("best-*.safetensors"):
            if path != self._best_path(folder):
                path.unlink()

    def _read_last(self, folder: Path) -> tuple[Path, dict[str, Tensor], dict[str, Any]]:
        return folder / "last.safetensors", *load_tensors(folder / "last.safetensors")

    def _save_best(self, folder: Path) -> None:
        save_tensors(self._best_path(folder), self.model.state_dict(), {"epoch": self.progress.epoch})

    def _read_best(self, folder: Path) -> dict[str, Tensor]:
        return load_tensors(self._best_path(folder))[0]

    def _best_path(self, folder: Path) -> Path:
        return folder / f"best-{self.progress.best_epoch}.safetensors"


def _check_finite(values: dict[str, float], epoch: int) -> None:
    for name, value in values.items():
        if not torch.isfinite(torch.tensor(value)):
            raise TrainingError(
                f"the loss term '{name}' became {value} in epoch {epoch + 1}; start anew with a smaller learning rate "
                "(train.lr) or more weight decay (loss.weight-decay), which usually helps"
            )


def _describe(record: dict[str, Any], progress: Progress) -> str:
    losses = " ".join(f"{name} {value:.4f}" for name, value in record["loss"].items())
    valid = f"valid R@20 {record['valid'][METRIC]:.4f} " if "valid" in record else ""
    return f"{valid}(best {progress.best:.4f} at {progress.best_epoch}) {losses}"
