"""The options of the benchmark."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch

from brmrs_graph.errors import ConfigError
from brmrs_graph.training import objective_preset

Part = Literal["step", "propagation", "knn", "sampling", "evaluation", "recommend", "gpu", "training", "growth"]
SizeName = Literal["baby", "clothing", "100k", "300k", "1m"]

QUICK: tuple[Part, ...] = ("step", "propagation", "knn", "sampling", "evaluation", "recommend")
"""The parts measured unless others are asked for: those on data of Clothing's size, which take minutes together."""


@dataclass(frozen=True)
class BenchSettings:
    """Time the library beside other ways to do the same, at the size of Amazon Clothing.

    The interactions are the real ones where --data-root has them, else random ones of the same number. Features are
    random (4096-d visual, 384-d textual), with neighbours that can be found: the speed of nothing but the approximate
    search, beyond 100,000 items, depends on their values. Part training trains every model, and growth repeats the main
    things at several sizes; both are measured only if named, and so is gpu.
    """

    parts: tuple[Part, ...] = QUICK
    """What is measured: one or more of step, propagation, knn, sampling, evaluation, recommend, gpu, training and
    growth."""
    sizes: tuple[SizeName, ...] = ("baby", "clothing")
    """Sizes of part growth: baby and clothing, and generated ones by their number of users."""
    threads: int = 1
    """CPU threads, for the alternatives as well."""
    clock: Literal["wall", "processor"] = "wall"
    """What times are: those of a clock on the wall, or, where other processes take their share of the machine, those
    that the processor spent on this one (with one thread)."""
    repeats: int = 15
    """Rounds; each times every alternative once."""
    budget: float = 60.0
    """Seconds for a comparison, after which no more rounds begin, once there are three."""
    objective: str = "default"
    """Objective of a training step."""
    dataset: str = "boutique"
    """Data set of part training."""
    epochs: int = 40
    """Most epochs of a model in part training."""
    data_root: Path | None = None
    """Folder that holds clothing/, baby/ and the data set of part training."""
    out: Path | None = None
    """JSON file for the results, beside which a figure is drawn (default: none); parts that it has already and
    that are not measured now stay."""

    def __post_init__(self) -> None:
        """Checks the ranges, so that nothing is found wrong after minutes of measuring."""
        for name in ("threads", "repeats", "epochs"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.clock == "processor" and self.threads > 1:
            raise ConfigError(
                f"threads is {self.threads}, but the processor's time says nothing of the gain by threads; give "
                "--threads 1, or --clock wall"
            )
        if not self.budget >= 0:
            raise ConfigError(f"budget is {self.budget}; give a number of seconds, 0 or more")
        for name, known in (("parts", get_args(Part)), ("sizes", get_args(SizeName))):
            if not getattr(self, name):
                raise ConfigError(f"{name} names nothing; give one or more of {', '.join(known)}")
        if self.out is not None and self.out.suffix != ".json":
            raise ConfigError(f"out is {self.out}; give a file that ends in .json (the figure goes beside it)")
        if self.out is not None and not self.out.parent.is_dir():
            raise ConfigError(f"out is {self.out}, but there is no folder {self.out.parent}; make it first")
        if "gpu" in self.parts and not torch.cuda.is_available():
            raise ConfigError("part gpu needs a GPU that PyTorch can use, and there is none; leave it out of --parts")
        objective_preset(self.objective)

    @property
    def now(self) -> Callable[[], float]:
        """The clock."""
        return time.perf_counter if self.clock == "wall" else time.process_time
