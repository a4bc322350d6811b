from collections.abc import Callable

import pytest
import torch

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.errors import ConfigError
from brmrs_graph.models.content import ContentProjection
from tests.models.dense import standardised, state_of


@pytest.mark.parametrize("hidden", [0, 7])
def test_projects_standardised_features_and_leaves_missing_ones_zero(
    hidden: int, make_data: Callable[..., MultimodalDataset], close: Callable[..., None]
) -> None:
    data = make_data(("textual", "visual", "acoustic"), missing=0.3)
    content = ContentProjection(data, 4, hidden)
    state = state_of(content)
    assert list(content()) == ["textual", "visual", "acoustic"]
    for m, found in content().items():
        x = standardised(data, m)
        if hidden:
            x = x @ state[f"layers.{m}.0.weight"].T + state[f"layers.{m}.0.bias"]
            x = torch.where(x > 0, x, 0.01 * x)
        name = f"layers.{m}.2" if hidden else f"layers.{m}"
        x = x @ state[f"{name}.weight"].T + state[f"{name}.bias"]
        close(found, torch.where(data.missing[m][:, None], 0.0, x))
        assert torch.equal(content.has(m), (~data.missing[m]).float()[:, None])


def test_features_are_no_state_and_move_with_the_module(toy: MultimodalDataset) -> None:
    content = ContentProjection(toy, 4)
    assert all(name.startswith("layers.") for name in content.state_dict())
    assert content.to(torch.float64)()["visual"].dtype == torch.float64


def test_a_modality_that_cannot_be_a_submodule_is_named(make_data: Callable[..., MultimodalDataset]) -> None:
    with pytest.raises(ConfigError, match="cannot be called 'items'"):
        ContentProjection(make_data(("visual", "items")), 4)
