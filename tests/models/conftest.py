"""What the tests of models share."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
import torch

from brmrs_graph.models import model_config

SMALL = {"dim": 8, "k": 3}


def small_config(name: str, **options: Any) -> Any:
    """A model's options for small data: 8 dimensions, 3 neighbours, where the model has such options."""
    config = model_config(name)
    known = {field.name for field in fields(config)}
    return config(**{key: value for key, value in SMALL.items() if key in known} | options)


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
