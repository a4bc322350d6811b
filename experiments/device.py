"""The device that a run uses, by its name."""

from __future__ import annotations

import os

import torch

from brmrs_graph.errors import ConfigError


def find_device(name: str) -> torch.device:
    """The device of a name, ``auto`` among them; from then on, a GPU computes the same from the same seed.

    Raises:
        ConfigError: If it cannot be used here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        known = ", ".join(["auto", "cpu", *(["cuda"] if torch.cuda.is_available() else [])])
        raise ConfigError(
            f"device '{name}' cannot be used here ({str(error).splitlines()[0]}); choose among {known}"
        ) from error
    if device.type == "cuda":
        # Sums on the GPU are in no fixed order unless this is asked for, before its first product.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        # Else every new tensor is filled with NaN before it is written, nearly half of the kernels of a step.
        torch.utils.deterministic.fill_uninitialized_memory = False
    return device
