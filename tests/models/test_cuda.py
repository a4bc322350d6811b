"""On a GPU every model computes what it computes on the CPU, trains, and does so twice alike."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from brmrs_graph.branches import FUSED
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.evaluation import rank, summarize
from brmrs_graph.models import create_model, model_names
from brmrs_graph.training import Objective, ObjectiveConfig, TrainConfig, Trainer, objective_preset

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here"),
    pytest.mark.parametrize("name", model_names()),
]


def trained(name: str, data: MultimodalDataset, config: Any, loss: ObjectiveConfig) -> tuple[Any, ...]:
    """Losses, validation and test metrics of three epochs on the GPU."""
    model = create_model(name, data, config, seed=1)
    records: list[dict[str, Any]] = []
    options = TrainConfig(epochs=3, batch_size=32, lr=0.01)
    Trainer(model, Objective(loss, data, model), data, options, seed=2, device="cuda").fit(records.append)
    with torch.no_grad():
        ranking = rank(model.eval()(), data.train, data.test)[FUSED]
    return [(record["loss"], record["valid"]) for record in records], summarize(ranking)


def test_branches_on_the_gpu_are_those_on_the_cpu(
    name: str, make_data: Callable[..., MultimodalDataset], small: Callable[..., Any]
) -> None:
    data = make_data(missing=0.3, isolated=True)
    model = create_model(name, data, small(name)).eval()
    here, there = model(), create_model(name, data, small(name)).eval().to("cuda")()
    assert here.names == there.names
    for branch in here.names:
        torch.testing.assert_close(there.users(branch).cpu(), here.users(branch), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(there.items(branch).cpu(), here.items(branch), rtol=1e-4, atol=1e-5)


def test_the_same_seed_trains_the_same_on_the_gpu(
    name: str,
    make_data: Callable[..., MultimodalDataset],
    small: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # as experiments.run does
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        data = make_data(missing=0.3)
        preset = objective_preset(create_model(name, data, small(name)).default_objective)
        first, second = (trained(name, data, small(name), preset) for _ in range(2))
    finally:
        torch.use_deterministic_algorithms(before)
    assert first == second


@pytest.mark.parametrize("form", ["pool", "graph", "hybrid"])
def test_the_losses_of_the_method_train_on_the_gpu(
    name: str, form: str, make_data: Callable[..., MultimodalDataset], small: Callable[..., Any]
) -> None:
    data = make_data(num_items=30)
    synergy = 0.0 if create_model(name, data, small(name)).averages else 1.0  # refused for averages
    loss = ObjectiveConfig(fused_negatives="dns", chns=1.0, chns_form=form, neighbors=5, synergy=synergy)
    records, _ = trained(name, data, small(name), loss)
    assert all(value == value for losses, _ in records for value in losses.values())
