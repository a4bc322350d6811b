"""A model with all that a training step takes."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import Recommender, create_model
from brmrs_graph.training import Objective, TrainConfig, objective_preset

BATCH = TrainConfig.batch_size
EPOCH = 100
"""The epoch whose step it is: late enough that the curriculum of hard negatives is over."""


class Stepper:
    """Does training steps of ``brmrs`` on one batch.

    Args:
        data: The data set.
        objective: Name of the objective.
    """

    def __init__(self, data: MultimodalDataset, objective: str) -> None:
        self.data = data
        self.model = create_model("brmrs", data)
        self.objective = Objective(objective_preset(objective), data, self.model)
        self.generator = torch.Generator().manual_seed(0)
        self.optimizer = torch.optim.Adam(self.model.parameters(), fused=True)
        order = torch.randperm(data.train.nnz, generator=self.generator)
        self.users, self.positives = data.train_edges[:, order[:BATCH]]
        self.model.train()

    def step(self, model: Recommender | None = None) -> None:
        """One step, of the model or of a view of it that shares its parameters."""
        terms, _ = self.objective(model or self.model, self.users, self.positives, EPOCH, self.generator)
        loss = torch.stack(list(terms.values())).sum()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def stages(self) -> Iterator[str]:
        """One step, which yields the name of each stage when this is done."""
        branches = self.model()
        yield "forward: projection and propagation"
        negatives = self.objective.draw(branches, self.users, self.positives, EPOCH, self.generator)
        yield "sampling"
        terms, _ = self.objective.terms(branches, self.users, self.positives, negatives)
        loss = torch.stack(list(terms.values())).sum()
        yield "losses"
        self.optimizer.zero_grad()
        loss.backward()
        yield "backward"
        self.optimizer.step()
        yield "optimiser"

    @torch.no_grad()
    def branches(self) -> Branches:
        """What the model returns outside of training, without gradients."""
        self.model.eval()
        branches: Branches = self.model()
        self.model.train()
        return branches
