"""Products are what torch gives, with one thread and with several; NumPy has as many threads as torch."""

from collections.abc import Iterator
from threading import Event, Thread

import pytest
import torch
from threadpoolctl import threadpool_info

from brmrs_graph.blas import as_many_threads, dot_products


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_products_are_those_of_torch(dtype: torch.dtype, threads: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(n, 30, generator=generator, dtype=torch.float64).to(dtype) for n in (7, 500))
    found = dot_products(x, y)
    assert found.dtype == dtype and found.shape == (7, 500)
    tolerance = 0.02 if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(found.double(), x.double() @ y.double().t(), rtol=tolerance, atol=10 * tolerance)


def test_products_of_views_and_of_none(threads: int) -> None:
    table = torch.randn(40, 24)[:, ::2]
    torch.testing.assert_close(dot_products(table[::3], table), table[::3] @ table.t())
    assert dot_products(table[:0], table).shape == (0, 40)
    assert dot_products(table, table[:0]).shape == (40, 0)


@pytest.mark.parametrize("threads", [2], indirect=True)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_several_threads_write_rows_that_begin_at_cache_lines(dtype: torch.dtype, threads: int) -> None:
    found = dot_products(torch.ones(3, 5, dtype=dtype), torch.ones(33, 5, dtype=dtype))
    assert found.data_ptr() % 64 == 0 and found.stride(0) * found.element_size() % 64 == 0


def test_products_of_what_is_learned_have_a_gradient_unless_none_is_asked_for(threads: int) -> None:
    x, y = torch.randn(3, 5, requires_grad=True), torch.randn(4, 5)
    (gradient,) = torch.autograd.grad(dot_products(x, y).sum(), x)
    torch.testing.assert_close(gradient, y.sum(dim=0).expand(3, 5))
    with torch.no_grad():
        assert not dot_products(x, y).requires_grad


def test_types_are_not_mixed(threads: int) -> None:
    with pytest.raises(RuntimeError, match="same dtype"):
        dot_products(torch.ones(2, 3), torch.ones(2, 3, dtype=torch.float64))


def threads_of_blas() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


needs_countable_threads = pytest.mark.skipif(not threads_of_blas(), reason="this BLAS has no threads to be counted")


@needs_countable_threads
def test_threads_are_those_of_torch_and_then_as_before() -> None:
    before, ours = threads_of_blas(), torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            with as_many_threads():
                assert set(threads_of_blas()) == {count}
            assert threads_of_blas() == before
    finally:
        torch.set_num_threads(ours)


@needs_countable_threads
def test_threads_of_a_program_take_turns() -> None:
    before, ours = threads_of_blas(), torch.get_num_threads()
    inside, leave, seen = Event(), Event(), []

    def first() -> None:
        with as_many_threads():
            inside.set()
            leave.wait(timeout=5)

    def second() -> None:
        inside.wait(timeout=5)
        with as_many_threads():
            seen.append(leave.is_set())

    torch.set_num_threads(max(before) + 1)
    try:
        both = [Thread(target=first), Thread(target=second)]
        for thread in both:
            thread.start()
        inside.wait(timeout=5)
        both[1].join(timeout=0.2)  # would have got in by now
        leave.set()
        for thread in both:
            thread.join(timeout=5)
        assert seen == [True] and threads_of_blas() == before
    finally:
        torch.set_num_threads(ours)
