"""TensorBoard event files of a run, on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from brmrs_graph.errors import ConfigError


class Tensorboard:
    """Writes the numbers of every epoch as event files.

    Args:
        folder: Where to write.

    Raises:
        ConfigError: If the package tensorboard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError("--tensorboard needs the package tensorboard: pip install tensorboard") from error
        self._writer = SummaryWriter(str(folder))

    def add(self, record: dict[str, Any]) -> None:
        """Adds one epoch's losses and validation metrics."""
        for group in ("loss", "valid"):
            for name, value in record.get(group, {}).items():
                self._writer.add_scalar(f"{group}/{name}", value, record["epoch"])
        self._writer.flush()
