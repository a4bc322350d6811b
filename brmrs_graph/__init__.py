"""BR-MRS graph: train, diagnose and inspect recommenders whose modalities disagree."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brmrs_graph.serving import TrainedModel

__version__ = "0.1.0"


def load(run_dir: str | PathLike[str]) -> TrainedModel:
    """A trained model to be asked, from the folder of a finished run; see :func:`brmrs_graph.serving.load`."""
    from brmrs_graph import serving  # what it takes is imported when it is needed, not with the package

    return serving.load(run_dir)
