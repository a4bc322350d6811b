from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.models import (
    Recommender,
    create_model,
    model_class,
    model_config,
    model_names,
    register_model,
    registry,
)
from brmrs_graph.models.base import embedding


@dataclass(frozen=True)
class TinyConfig:
    dim: int = 2


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Recommender]]:
    monkeypatch.setattr(registry, "_MODELS", dict(registry._MODELS))

    @register_model("tiny", TinyConfig)
    class Tiny(Recommender):
        def __init__(self, data: MultimodalDataset, config: TinyConfig) -> None:
            super().__init__()
            self.user = embedding(data.num_users, config.dim)
            self.item = embedding(data.num_items, config.dim)

        def forward(self) -> Branches:
            return Branches({FUSED: self.user}, {FUSED: self.item})

    yield Tiny


def test_a_model_of_ones_own_is_known_by_its_name(tiny: type[Recommender], toy: MultimodalDataset) -> None:
    assert "tiny" in model_names() and model_names() == sorted(model_names())
    assert model_class("tiny") is tiny and model_config("tiny") is TinyConfig
    assert create_model("tiny", toy)().users().shape == (toy.num_users, 2)
    assert create_model("tiny", toy, TinyConfig(5))().users().shape == (toy.num_users, 5)


def test_an_unknown_name_is_an_error_that_lists_the_known_ones(toy: MultimodalDataset) -> None:
    for ask in (model_class, model_config, lambda name: create_model(name, toy)):
        with pytest.raises(ConfigError, match=r"'nothing' is unknown; choose one of .*bprmf, brmrs"):
            ask("nothing")


def test_options_of_all_models_are_frozen_and_have_defaults() -> None:
    for name in model_names():
        config = model_config(name)()
        with pytest.raises(AttributeError):
            config.dim = 1
