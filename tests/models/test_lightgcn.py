from collections.abc import Callable
from typing import Any

import pytest
import torch

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.models import LightGCN, create_model


def dense_lightgcn(data: MultimodalDataset, x: torch.Tensor, num_layers: int) -> torch.Tensor:
    """The mean of the powers of the normalised square adjacency, applied to users over items."""
    r = torch.from_numpy(data.train.toarray()).double()
    a = torch.cat(
        [torch.cat([torch.zeros(len(r), len(r)), r], 1), torch.cat([r.T, torch.zeros(r.size(1), r.size(1))], 1)]
    )
    scale = torch.where(a.sum(1) > 0, a.sum(1).clamp(min=1) ** -0.5, 0.0)
    a = scale[:, None] * a * scale
    layers = [torch.linalg.matrix_power(a, layer) @ x.double() for layer in range(num_layers + 1)]
    return torch.stack(layers).mean(0)


@pytest.mark.parametrize("num_layers", [0, 1, 2, 4])
def test_equals_dense_propagation_forward_and_backward(
    num_layers: int, make_data: Callable[..., MultimodalDataset], small: Callable[..., Any], close: Callable[..., None]
) -> None:
    data = make_data(isolated=True)
    model = create_model("lightgcn", data, small("lightgcn", num_layers=num_layers))
    assert isinstance(model, LightGCN)
    x = torch.cat([model.user, model.item]).detach().requires_grad_()
    expected = dense_lightgcn(data, x, num_layers)
    branches = model()
    close(branches.users(), expected[: data.num_users])
    close(branches.items(), expected[data.num_users :])

    users, items = torch.arange(data.num_users), torch.arange(data.num_items)
    weight = torch.randn(data.num_users, data.num_items, generator=torch.Generator().manual_seed(0))
    (branches.score_all("fused", users) * weight).sum().backward()
    (expected[users] @ expected[data.num_users + items].T * weight).sum().backward()
    assert model.user.grad is not None and model.item.grad is not None and x.grad is not None
    close(torch.cat([model.user.grad, model.item.grad]), x.grad)


def test_weight_decay_sees_the_vectors_before_propagation(toy: MultimodalDataset) -> None:
    model = create_model("lightgcn", toy)
    assert isinstance(model, LightGCN)
    users, items = torch.tensor([2, 0]), torch.tensor([4, 4, 1])
    rows = model.batch_parameters(users, items)
    assert torch.equal(rows[0], model.user[users]) and torch.equal(rows[1], model.item[items])
