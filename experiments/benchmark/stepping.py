"""A model with all that a training step takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

import torch

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import Recommender, create_model
from brmrs_graph.training import Objective, TrainConfig, objective_preset

BATCH = TrainConfig.batch_size
LARGE = 4 * BATCH
"""A batch that reaches the same optimum with a larger learning rate (docs/results.md)."""
LARGER = f"ours, {LARGE:,} pairs"
"""What a step on it is called."""

EPOCH = 100
"""The epoch whose step it is: late enough that the curriculum of hard negatives is over."""


class Stepper:
    """Does training steps of ``brmrs`` on one batch, the same at every step of a size.

    Args:
        data: The data set.
        objective: Name of the objective.
        device: Where the steps are done.
    """

    def __init__(self, data: MultimodalDataset, objective: str, device: torch.device | str = "cpu") -> None:
        self.data = data
        self.model = create_model("brmrs", data).to(device)
        self.objective = Objective(objective_preset(objective), data, self.model).to(device)
        self.generator = torch.Generator().manual_seed(0)
        self.optimizer = torch.optim.Adam(self.model.parameters(), fused=True)
        order = torch.randperm(data.train.nnz, generator=self.generator)
        self.batches = {size: data.train_edges[:, order[:size]].to(device) for size in (BATCH, LARGE)}
        self.model.train()

    def gradients(self, model: Recommender | None = None, size: int = BATCH) -> None:
        """Gradients of a step of the model, or of a view of it that shares its parameters, on a batch of a size."""
        model = self.model if model is None else model
        terms, _ = self.objective(model, *self.batches[size], EPOCH, self.generator)
        loss = torch.stack(list(terms.values())).sum()
        self.optimizer.zero_grad()
        loss.backward()

    def step(self, model: Recommender | None = None, size: int = BATCH) -> None:
        """One step, likewise."""
        self.gradients(model, size)
        self.optimizer.step()

    def stages(self) -> Iterator[str]:
        """One step, which yields the name of each stage when this is done."""
        users, positives = self.batches[BATCH]
        branches = self.model()
        yield "forward: projection and propagation"
        negatives = self.objective.draw(branches, users, positives, EPOCH, self.generator)
        yield "sampling"
        terms, _ = self.objective.terms(branches, users, positives, negatives)
        loss = torch.stack(list(terms.values())).sum()
        yield "losses"
        self.optimizer.zero_grad()
        loss.backward()
        yield "backward"
        self.optimizer.step()
        yield "optimiser"

    def epochs(self, steps: Mapping[str, Any]) -> dict[str, float]:
        """Seconds that the steps of an epoch take, by the times of single ones."""
        return {
            f"seconds an epoch, {name}": ceil(self.data.train.nnz / size) * steps[name]["median"]
            for name, size in (("ours", BATCH), (LARGER, LARGE))
        }

    @torch.no_grad()
    def branches(self) -> Branches:
        """What the model returns outside of training, without gradients."""
        self.model.eval()
        branches: Branches = self.model()
        self.model.train()
        return branches
