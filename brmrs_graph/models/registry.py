"""Models by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.models.base import Recommender

M = TypeVar("M", bound=type[Recommender])

_MODELS: dict[str, tuple[type[Recommender], type]] = {}


def register_model(name: str, config: type) -> Callable[[M], M]:
    """Registers a model class under a name; it is constructed as ``Model(data, config)``.

    Args:
        name: Name on the command line.
        config: The frozen dataclass of its options.
    """

    def decorate(model: M) -> M:
        _MODELS[name] = (model, config)
        return model

    return decorate


def model_names() -> list[str]:
    """The names of all models."""
    return sorted(_MODELS)


def model_class(name: str) -> type[Recommender]:
    """The class of a model.

    Raises:
        ConfigError: If there is no model of that name.
    """
    return _look_up(name)[0]


def model_config(name: str) -> type:
    """The dataclass of a model's options.

    Raises:
        ConfigError: If there is no model of that name.
    """
    return _look_up(name)[1]


def create_model(name: str, data: MultimodalDataset, config: Any = None, seed: int = 0) -> Recommender:
    """Creates a model with freshly drawn parameters.

    Args:
        name: Name of the model.
        data: What it is trained on; only training interactions and features are looked at.
        config: Its options (default: the defaults).
        seed: Seed of the parameters; the global random state is left as it was.

    Raises:
        ConfigError: If there is no model of that name.
        DataError: If the model needs item features that the data set does not have.
    """
    model, config_class = _look_up(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return model(data, config_class() if config is None else config)


def _look_up(name: str) -> tuple[type[Recommender], type]:
    if name not in _MODELS:
        raise ConfigError(f"model '{name}' is unknown; choose one of {', '.join(model_names())}")
    return _MODELS[name]
