from collections.abc import Callable

import pytest

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.models.frozen import frozen_item_graph
from tests.models.dense import frozen_graph


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize(
    ("modalities", "given", "beta"),
    [
        (("visual", "textual"), {}, {"visual": 0.1, "textual": 0.9}),
        (("visual", "textual"), {"visual": 0.6}, {"visual": 0.6, "textual": 0.9}),
        (("visual", "acoustic"), {}, {"visual": 0.1, "acoustic": 0.5}),
        (("acoustic",), {}, {"acoustic": 1.0}),
    ],
)
def test_equals_the_dense_mix(
    modalities: tuple[str, ...],
    given: dict[str, float],
    beta: dict[str, float],
    missing: float,
    make_data: Callable[..., MultimodalDataset],
    close: Callable[..., None],
) -> None:
    data = make_data(modalities, missing=missing)
    close(frozen_item_graph(data, 4, given).to_dense(), frozen_graph(data, 4, beta))


def test_a_weight_without_modality_is_named(toy: MultimodalDataset) -> None:
    with pytest.raises(ConfigError, match=r"beta names acoustic.*visual"):
        frozen_item_graph(toy, 3, {"acoustic": 1.0})
