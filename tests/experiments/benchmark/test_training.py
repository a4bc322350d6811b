from dataclasses import replace

import pytest

from brmrs_graph.data import MultimodalDataset
from experiments.benchmark.sizes import Size, data_of
from experiments.benchmark.training import train


@pytest.fixture(scope="module")
def data() -> MultimodalDataset:
    return replace(data_of(Size("100k", 60, 40, 300), None, {"visual": 4, "textual": 4})[0], name="small")


def test_a_model_is_trained_to_its_epochs(data: MultimodalDataset) -> None:
    row = train("bprmf", data, 3)
    assert row["epochs"] == 3
    assert 1 <= row["best_epoch"] <= 3
    assert 0 < row["seconds_to_best"] <= row["seconds_in_all"]
    assert 0 <= row["valid_recall_20"] <= 1


def test_a_model_that_is_not_trained_is_validated_once(data: MultimodalDataset) -> None:
    row = train("mostpop", data, 3)
    assert row["epochs"] == row["best_epoch"] == 0
    assert row["seconds_to_best"] == row["seconds_in_all"] > 0
    assert row["valid_recall_20"] > 0
