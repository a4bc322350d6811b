"""Products by NumPy's BLAS: what torch gives, with as many threads as torch has."""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from brmrs_graph.blas import as_many_threads, dot_products


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_products_are_those_of_torch(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(n, 30, generator=generator, dtype=torch.float64).to(dtype) for n in (7, 500))
    found = dot_products(x, y)
    assert found.dtype == dtype and found.shape == (7, 500)
    tolerance = 0.02 if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(found.double(), x.double() @ y.double().t(), rtol=tolerance, atol=10 * tolerance)


def test_products_of_views_of_none_and_of_what_is_learned() -> None:
    table = torch.randn(40, 12, requires_grad=True)
    found = dot_products(table[::3], table[:, :12])
    torch.testing.assert_close(found, (table[::3] @ table.t()).detach())
    assert not found.requires_grad
    assert dot_products(table[:0], table).shape == (0, 40)


def test_threads_are_those_of_torch_and_then_as_before() -> None:
    def threads() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    np.ones((2, 2)) @ np.ones((2, 2))
    before, ours = threads(), torch.get_num_threads()
    assert before, "NumPy has no BLAS whose threads can be counted"
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            with as_many_threads():
                assert set(threads()) == {count}
            assert threads() == before
    finally:
        torch.set_num_threads(ours)
