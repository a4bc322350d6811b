import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph import topk
from brmrs_graph.topk import CHUNK, leave_out, merge_best, top_items


@given(st.integers(1, 5), st.integers(0, 6), st.integers(0, 6), st.integers(0, 8), st.integers(0, 2**30))
def test_equals_a_stable_sort_of_both_lists(rows: int, a: int, b: int, k: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values, more = (torch.randint(0, 4, (rows, n), generator=generator).float() for n in (a, b))  # many are equal
    ids, more_ids = torch.arange(a).expand(rows, a), torch.arange(100, 100 + b).expand(rows, b)
    best, found = merge_best(values, ids, more, more_ids, k)
    for row in range(rows):
        pairs = [
            *zip(values[row].tolist(), range(a), strict=True),
            *zip(more[row].tolist(), range(100, 100 + b), strict=True),
        ]
        expected = sorted(pairs, key=lambda pair: -pair[0])[:k]
        assert list(zip(best[row].tolist(), found[row].tolist(), strict=True)) == expected


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 4), st.integers(0, 2**32), st.data())
def test_top_items_order_ties_by_id(rows: int, columns: int, values: int, seed: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, columns))
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(values, (rows, columns), generator=generator).float()
    expected = [sorted(range(columns), key=lambda i, s=row: (-s[i], i))[:k] for row in scores.tolist()]
    assert top_items(scores, k).tolist() == expected


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(1, 6 * CHUNK + 3),
    n=st.integers(1, 12),
    values=st.integers(1, 8),
    gone=st.sampled_from([0.0, 0.5, 0.99, 1.0]),
    seed=st.integers(0, 2**16),
)
def test_top_items_by_chunks_are_those_of_a_full_sort_with_ties_and_with_little_left(
    size: int, n: int, values: int, gone: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(values, (3, size), generator=generator).float()
    scores[torch.rand(3, size, generator=generator) < gone] = -torch.inf
    n = min(n, size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topk, "FEW", 1)
        found = top_items(scores, n)
    assert torch.equal(found, torch.sort(scores, dim=1, descending=True, stable=True).indices[:, :n])
    assert torch.equal(found, top_items(scores, n))


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 20 * CHUNK + 3), n=st.integers(0, 12), seed=st.integers(0, 2**16))
def test_top_items_by_chunks_where_no_scores_tie(size: int, n: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.stack([torch.randperm(size, generator=generator) for _ in range(3)]).float()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topk, "FEW", 1)
        found = top_items(scores, min(n, size))
    assert torch.equal(found, torch.sort(scores, dim=1, descending=True).indices[:, : min(n, size)])


def test_stored_entries_are_left_out_and_no_others() -> None:
    entries = sp.csr_matrix(np.array([[0, 1, 0], [0, 0, 0], [1, 0, 1]], dtype=np.float32))
    scores = torch.arange(9.0).view(3, 3)
    leave_out(scores, entries)
    gone = -torch.inf
    assert scores.tolist() == [[0, gone, 2], [3, 4, 5], [gone, 7, gone]]
