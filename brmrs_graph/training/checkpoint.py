"""Checkpoints: one safetensors file each, replaced in one step, so that a half-written one never has its name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from brmrs_graph.errors import CheckpointError
from brmrs_graph.files import write_bytes


def save_tensors(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any] | None = None) -> None:
    """Writes tensors, and a JSON-able state beside them, as one safetensors file.

    Args:
        path: The file.
        tensors: Tensors by name, on any device.
        state: Anything that JSON can hold.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    flat = {name: x.detach().cpu().contiguous() for name, x in tensors.items()}
    write_bytes(path, save(flat, metadata={"state": json.dumps(dict(state or {}))}))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Reads what :func:`save_tensors` wrote: the tensors (on the CPU) and the state.

    Raises:
        CheckpointError: If the file is missing, truncated or something else.
    """
    with _opened(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        return tensors, _state(file)


def load_state(path: Path) -> dict[str, Any]:
    """Reads the state alone, without the tensors.

    Raises:
        CheckpointError: If the file is missing, truncated or something else.
    """
    with _opened(path) as file:
        return _state(file)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise CheckpointError(f"{path} is missing; start the run anew with another --out")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} is truncated or no checkpoint ({error}); start the run anew with another --out"
        ) from error


def _state(file: Any) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((file.metadata() or {}).get("state", "{}"))
    return state


def training_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Parameters and the optimiser's state, flat: ``model.NAME`` and ``optimizer.NAME.KEY``."""
    tensors = {f"model.{name}": x for name, x in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{name}.{key}"] = torch.as_tensor(value)
    return tensors


def restore_training(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Puts back what :func:`training_tensors` gave.

    Raises:
        CheckpointError: If names or shapes are of another model.
    """
    load_model(model, {k.removeprefix("model."): x for k, x in tensors.items() if k.startswith("model.")})
    for name, parameter in model.named_parameters():
        prefix = f"optimizer.{name}."
        kept = {k.removeprefix(prefix): x for k, x in tensors.items() if k.startswith(prefix)}
        if kept:
            # The fused Adam keeps all of it, its step count too, where the parameter is.
            optimizer.state[parameter] = {key: x.to(parameter.device, copy=True) for key, x in kept.items()}


def load_model(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Loads parameters.

    Raises:
        CheckpointError: If names or shapes are of another model.
    """
    try:
        model.load_state_dict(dict(tensors))
    except RuntimeError as error:
        raise CheckpointError(f"the checkpoint belongs to another model or data set: {error}") from error
