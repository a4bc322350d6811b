"""What the parts of the benchmark share: options, data of Clothing's size and a model, each made when first needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from experiments.benchmark.settings import BenchSettings
from experiments.benchmark.sizes import SIZES, data_of
from experiments.benchmark.stepping import Stepper
from experiments.benchmark.timing import compared, in_turn, rounds

DIMS = {"visual": 4096, "textual": 384}
"""Dimensions of the features, those of the published ones."""

ROTATED = 512
"""Most dimensions of the features that a model is given, as in ``experiments.run``."""


@dataclass(frozen=True)
class Context:
    """The common ground of the parts.

    Args:
        settings: The options.
    """

    settings: BenchSettings

    @cached_property
    def _loaded(self) -> tuple[MultimodalDataset, str]:
        return data_of(SIZES["clothing"], self.settings.data_root, DIMS)

    @property
    def data(self) -> MultimodalDataset:
        """Interactions of Clothing's size and full features."""
        return self._loaded[0]

    @property
    def interactions(self) -> str:
        """Whether the interactions are real, in words."""
        return self._loaded[1]

    @cached_property
    def rotated(self) -> MultimodalDataset:
        """The same with features as a model is given them."""
        return self.data.rotated(ROTATED)

    @cached_property
    def stepper(self) -> Stepper:
        """An untrained ``brmrs`` on these data."""
        return Stepper(self.rotated, self.settings.objective)

    @cached_property
    def branches(self) -> Branches:
        """Its branches."""
        return self.stepper.branches()

    def compare(self, variants: Mapping[str, Callable[[], object] | str], reference: str = "ours") -> dict[str, Any]:
        """Times variants in turn; a variant that is a text is absent, and the text says why."""
        there = {name: call for name, call in variants.items() if not isinstance(call, str)}
        absent = {name: why for name, why in variants.items() if isinstance(why, str)}
        return compared(self.times(in_turn(there)), reference, absent)

    def times(self, one_round: Callable[[], Iterable[str]]) -> dict[str, NDArray[np.float64]]:
        """Times rounds, as many as the options say; see :func:`~experiments.benchmark.timing.rounds`."""
        return rounds(one_round, self.settings.repeats, self.settings.budget, self.settings.now)
