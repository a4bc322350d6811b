import pytest
import torch

from brmrs_graph.models import BRMRSConfig, create_model
from experiments.benchmark.propagation_variants import PRODUCTS, with_product
from experiments.catalog import load


@pytest.fixture(scope="module")
def data():
    return load("boutique").rotated(8)


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_variant_computes_the_same_product_and_gradient(name: str, data) -> None:
    x = torch.randn(data.num_users + data.num_items, 4, requires_grad=True)
    weight = torch.randn(data.num_users + data.num_items, 4)
    reference = PRODUCTS["fused product"](data)(x)
    product = PRODUCTS[name](data)(x)
    assert torch.allclose(product, reference, atol=1e-6)
    gradients = [torch.autograd.grad((y * weight).sum(), x)[0] for y in (reference, product)]
    assert torch.allclose(*gradients, atol=1e-6)


@pytest.mark.parametrize("name", ["coo autograd", "gather-scatter"])
def test_a_model_with_another_product_gives_the_same_embeddings(name: str, data) -> None:
    model = create_model("brmrs", data, BRMRSConfig(dim=4, k=5))
    ours, theirs = model().tables(), with_product(model, name)().tables()
    for branch in ours:
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(ours[branch], theirs[branch], strict=True))
