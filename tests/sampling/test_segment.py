import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.sampling import segment, segment_argmax
from brmrs_graph.sampling.segment import (
    has_torch_scatter,
    segment_argmax_torch,
    segment_filter,
    segment_ids,
    segment_rank,
)

# Few distinct values, so that ties are common, and segments of any length, empty ones included.
segments = st.lists(st.lists(st.integers(-2, 2).map(float), max_size=5), min_size=1, max_size=8)


def ragged(lists):
    lengths = torch.tensor([0, *map(len, lists)])
    return torch.tensor([value for values in lists for value in values], dtype=torch.float32), lengths.cumsum(0)


def loop_argmax(lists):
    result, start = [], 0
    for values in lists:
        result.append(start + values.index(max(values)) if values else -1)
        start += len(values)
    return result


@settings(deadline=None)
@given(segments)
def test_argmax_equals_its_twin_and_a_loop_with_empty_segments_and_ties(lists):
    values, ptr = ragged(lists)
    expected = loop_argmax(lists)
    assert segment_argmax(values, ptr).tolist() == expected
    assert segment_argmax_torch(values, ptr).tolist() == expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_argmax_of_many_random_segments_equals_its_twin(dtype):
    generator = torch.Generator().manual_seed(0)
    ptr = torch.cat([torch.zeros(1), torch.randint(0, 6, (500,), generator=generator).cumsum(0)]).long()
    values = torch.randn(int(ptr[-1]), dtype=dtype, generator=generator)
    assert torch.equal(segment_argmax(values, ptr), segment_argmax_torch(values, ptr))


def test_without_torch_scatter_the_twin_answers(monkeypatch):
    values, ptr = ragged([[1.0, 3.0, 3.0], [], [-5.0]])
    with_it = segment_argmax(values, ptr)
    asked = []
    monkeypatch.setattr(segment, "_segment_max_csr", None)
    monkeypatch.setattr(segment, "segment_argmax_torch", lambda *a: asked.append(a) or segment_argmax_torch(*a))
    assert not has_torch_scatter(torch.device("cpu"))
    assert segment_argmax(values, ptr).tolist() == with_it.tolist() == [1, -1, 3]
    assert len(asked) == 1


def test_with_torch_scatter_its_kernel_answers(monkeypatch):
    # torch-scatter marks an empty segment by the number of values
    monkeypatch.setattr(segment, "_segment_max_csr", lambda values, ptr: (None, torch.tensor([2, 4, 3])))
    values, ptr = ragged([[1.0, 3.0, 3.0], [], [-5.0]])
    assert segment_argmax(values, ptr).tolist() == [2, -1, 3]  # the kernel's answer, not the twin's


def test_a_build_of_torch_scatter_without_kernels_for_the_device_is_not_used(monkeypatch):
    def kernel(values, ptr):
        if values.device.type != "cpu":
            raise RuntimeError("not compiled for this device")

    monkeypatch.setattr(segment, "_segment_max_csr", kernel)
    assert has_torch_scatter(torch.device("cpu"))
    assert not has_torch_scatter(torch.device("meta"))


@settings(deadline=None)
@given(segments)
def test_ids_rank_and_filter_equal_loops(lists):
    values, ptr = ragged(lists)
    assert segment_ids(ptr).tolist() == [i for i, s in enumerate(lists) for _ in s]
    ranks = []
    for s in lists:
        order = sorted(range(len(s)), key=lambda k, s=s: (-s[k], k))
        ranks.extend(order.index(k) for k in range(len(s)))
    assert segment_rank(values, ptr).tolist() == ranks
    kept = [[v for v in s if v > 0] for s in lists]
    assert torch.equal(segment_filter(values > 0, ptr), ragged(kept)[1])
