"""Options that no model can work with are refused, by name."""

from typing import Any

import pytest

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.models import create_model
from tests.models.conftest import small_config

OUT_OF_RANGE: dict[str, list[tuple[dict[str, Any], str]]] = {
    "brmrs": [
        ({"edge_keep": 0.0}, "edge_keep"),
        ({"edge_keep": 1.5}, "edge_keep"),
        ({"alpha": -0.1}, "alpha"),
        ({"alpha": 1.1}, "alpha"),
        ({"k": 0}, "k=0"),
        ({"k": 18}, "k=18"),
        ({"fusion": "product"}, "fusion 'product'.*concat"),
    ],
    "ckd": [
        ({"temperature": 0.0}, r"temperature=0\.0"),
        ({"beta": {"acoustic": 1.0}}, "beta names acoustic"),
    ],
    "contentknn": [
        ({"k": 18}, "k=18 nearest"),
        ({"weights": {"audio": 1.0}}, r"weights name audio, but .*'visual', 'textual'"),
    ],
    "freedom": [
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"dropout": -0.1}, "dropout=-0.1"),
        ({"content_weight": -1.0}, "content_weight=-1.0"),
        ({"beta": {"audio": 1.0}}, "beta names audio"),
        ({"k": 19}, "k=19"),
    ],
    "grcn": [
        ({"routing": -1}, "routing=-1"),
        ({"num_layers": 0}, "num_layers=0"),
    ],
    "itemknn": [
        ({"k": 0}, "k=0"),
        ({"shrink": -1}, "shrink=-1"),
    ],
    "latefusion": [
        ({"weights": {"audio": 1.0}}, "weights name audio"),
        ({"weights": {"visual": -1.0}}, "must not be negative"),
        ({"weights": {"visual": 0.0, "textual": 0.0}}, "must not be negative"),
        ({"weights": {"visual": 0.0}, "learn_weights": True}, "above 0 where they are learned"),
        ({"item_layers": -1}, "cannot be negative"),
        ({"item_layers": 1, "k": 18}, "k=18"),
    ],
    "lattice": [
        ({"skip": 1.5}, "skip=1.5"),
        ({"skip": -0.1}, "skip=-0.1"),
        ({"item_layers": 0}, "item_layers=0"),
        ({"k": 19}, "k=19"),
    ],
    "lgmrec": [
        ({"keep": 0.0}, "keep=0.0"),
        ({"keep": 1.1}, "keep=1.1"),
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"hyperedges": 0}, "hyperedges=0"),
        ({"hyper_layers": 0}, "hyper_layers=0"),
        ({"modality_layers": -1}, "modality_layers=-1"),
    ],
    "mentor": [
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"k": 19}, "k=19"),
        ({"beta": {"acoustic": 1.0}}, "beta names acoustic"),
    ],
    "mgcn": [
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"k": 19}, "k=19"),
    ],
    "mmgcn": [
        ({"num_layers": 0}, "num_layers=0"),
        ({"combination": "max"}, "=max"),
    ],
    "mmssl": [
        ({"heads": 3}, "dim=8 must be a multiple of heads=3"),
        ({"heads": 0}, "heads=0"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"critic_dim": 0}, "critic_dim=0"),
        ({"critic_users": 0}, "critic_users=0"),
        ({"k": 0}, "k is 0"),
        ({"k": 19}, "k is 19"),
    ],
    "pgl": [
        ({"edge_keep": 0.0}, "edge_keep=0.0"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"k": 19}, "k=19"),
        ({"beta": {"acoustic": 1.0}}, "beta names acoustic"),
    ],
    "rearm": [
        ({"item_overlap": 1.1}, "item_overlap=1.1"),
        ({"user_overlap": -0.1}, "user_overlap=-0.1"),
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"rank": 0}, "rank is 0"),
        ({"k": 19}, "k=19"),
        ({"user_k": 15}, "k=15"),
        ({"beta": {"acoustic": 1.0}}, "name acoustic.*visual"),
        ({"user_beta": {"acoustic": 1.0}}, "name acoustic.*visual"),
    ],
    "smore": [
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"dropout": -0.1}, "dropout=-0.1"),
        ({"temperature": 0.0}, "temperature=0.0"),
        ({"k": 19}, "k=19"),
        ({"k_by_modality": {"acoustic": 3}}, "k_by_modality names acoustic.*visual"),
    ],
}


@pytest.mark.parametrize(
    ("name", "options", "message"), [(name, *case) for name, cases in OUT_OF_RANGE.items() for case in cases]
)
def test_options_out_of_range_are_named(
    name: str, options: dict[str, Any], message: str, toy: MultimodalDataset
) -> None:
    with pytest.raises(ConfigError, match=message):
        create_model(name, toy, small_config(name, **options))
