import torch
from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.graphs.merging import merge_best


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
