"""What the tests of models share."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

import pytest
import torch

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import Recommender, create_model, model_config

M = TypeVar("M", bound=Recommender)
SMALL = {"dim": 8, "k": 3}


def small_config(name: str, **options: Any) -> Any:
    """A model's options for small data: 8 dimensions, 3 neighbours, where the model has such options."""
    config = model_config(name)
    known = {field.name for field in fields(config)}
    return config(**{key: value for key, value in SMALL.items() if key in known} | options)


def maker(name: str, kind: type[M], **standard: Any) -> Callable[..., M]:
    """Gives a function that makes a model for small data, of the data and of options beside those for all its tests."""

    def make(data: MultimodalDataset, **options: Any) -> M:
        model = create_model(name, data, small_config(name, **standard | options))
        assert isinstance(model, kind)
        return model

    return make


@pytest.fixture(scope="session")
def small() -> Callable[..., Any]:
    """Makes a model's options for small data, see :func:`small_config`."""
    return small_config


@pytest.fixture
def close() -> Callable[[torch.Tensor, torch.Tensor], None]:
    """Asserts that two tensors agree up to rounding."""

    def check(actual: torch.Tensor, expected: torch.Tensor) -> None:
        torch.testing.assert_close(actual, expected.to(actual.dtype), rtol=1e-4, atol=1e-5)

    return check


@pytest.fixture
def agree(close: Callable[..., None]) -> Callable[[Branches, Mapping[str, tuple[torch.Tensor, torch.Tensor]]], None]:
    """Asserts that the user and item vectors of branches are those of dense tables, by name."""

    def check(branches: Branches, tables: Mapping[str, tuple[torch.Tensor, torch.Tensor]]) -> None:
        assert tables
        for name, (users, items) in tables.items():
            close(branches.users(name), users)
            close(branches.items(name), items)

    return check
