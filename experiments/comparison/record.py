"""What a comparison keeps of a run: enough to go on, and to test it against others, without its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from brmrs_graph.branches import FUSED
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from experiments.comparison.held_out import Bools, TestPairs, found_pairs, pack, unpack
from experiments.runfolder import RunFolder

Metrics = Mapping[str, float]
ROUNDING = 1e-5
"""Most by which a mean in single precision differs from the same one in double precision."""


@dataclass(frozen=True)
class RunRecord:
    """One finished run.

    Args:
        key: Name of its folder, made from all settings but the seed (see :func:`~experiments.plan.folder_name`).
        seed: Its seed.
        model: Its model.
        data: Content hash of the data that it saw.
        valid: Validation metrics of the fused branch.
        epochs: Epochs trained.
        seconds: Time in training and validation.
        memory: Peak memory of the process, in GiB.
        device: Where it was trained, ``cpu`` or ``cuda``.
        test: Test metrics of the fused branch; None for a run that only a trial needed, whose test is not looked at.
        branches: Test metrics of the other branches, where ``test`` is there.
        found: Whether the top 20 hold each test pair, where ``test`` is there.
    """

    key: str
    seed: int
    model: str
    data: str
    valid: Metrics
    epochs: int
    seconds: float
    memory: float
    device: str = "cpu"
    test: Metrics | None = None
    branches: Mapping[str, Metrics] | None = None
    found: Bools | None = None

    @classmethod
    def of_trial(cls, folder: RunFolder) -> RunRecord | None:
        """The record of the run in a folder as a trial, None where there is no finished run."""
        metrics = folder.read_metrics()
        if metrics is None:
            return None
        training = metrics["training"]
        return cls(
            key=folder.path.parent.name,
            seed=metrics["seed"],
            model=metrics["model"],
            data=metrics["data"]["hash"],
            valid=metrics["valid"],
            epochs=training["epochs"],
            seconds=training["train_seconds"] + training["eval_seconds"],
            memory=training["peak_memory_gib"],
            device=training["device"].split(":")[0],
        )

    def with_test(self, folder: RunFolder, data: MultimodalDataset, pairs: TestPairs) -> RunRecord:
        """The record with the test of its run.

        Args:
            folder: The folder of the run.
            data: The interactions that it saw.
            pairs: Their test pairs.

        Raises:
            ConfigError: If the run was tested on others.
        """
        metrics = folder.read_metrics() or {}
        found = found_pairs(folder.read_ranking("test", FUSED), data)
        then, now = metrics["test"]["recall@20"], float(pairs.recall(found).mean())
        if abs(then - now) > ROUNDING:
            raise ConfigError(
                f"the run in {folder.path} was tested on other interactions: its Recall@20 is {then:.4f}, and "
                f"{now:.4f} on those that are there now; choose another --out"
            )
        return replace(self, test=metrics["test"], branches=metrics["branches"]["test"], found=found)

    @classmethod
    def from_json(cls, content: Mapping[str, Any], pairs: int) -> RunRecord:
        """Reads what :meth:`to_json` gave; ``pairs`` is the number of test pairs."""
        found = content.get("found")
        return cls(**{**content, "found": None if found is None else unpack(found, pairs)})

    def to_json(self) -> dict[str, Any]:
        """The record as values that JSON can hold, without what is not there."""
        values = asdict(self) | {"found": None if self.found is None else pack(self.found)}
        return {key: value for key, value in values.items() if value is not None}
