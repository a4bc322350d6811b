import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.graphs import exact_neighbors as module
from brmrs_graph.graphs.exact_neighbors import exact_neighbors


@settings(deadline=None, max_examples=120)
@given(
    size=st.integers(2, 14),
    loop=st.booleans(),
    few=st.sampled_from([0, 0.4, 1]),
    block=st.integers(1, 16),
    seed=st.integers(0, 2**30),
    data=st.data(),
)
def test_equals_the_whole_matrix_of_products(size, loop, few, block, seed, data):
    generator = torch.Generator().manual_seed(seed)
    if data.draw(st.booleans()):
        x = torch.randn(size, 3, generator=generator)
    else:  # many are equal, many products too
        x = torch.randint(-1, 2, (size, 3), generator=generator).float()
    k = data.draw(st.integers(1, size - (not loop)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FEW", few)  # 0 sorts the rows of every block, 1 picks products out of every block
        values, found = exact_neighbors(x, k, loop=loop, block=block)
    whole = (x @ x.t()).fill_diagonal_(torch.inf if loop else -torch.inf)
    torch.testing.assert_close(values, whole.topk(k, dim=1).values)
    torch.testing.assert_close(values, whole.gather(1, found))
    assert all(len(set(row)) == k for row in found.tolist())


def test_a_pair_has_the_same_value_from_both_sides():
    x = torch.nn.functional.normalize(torch.randn(300, 64, generator=torch.Generator().manual_seed(0)), dim=1)
    values, found = exact_neighbors(x, 299, block=37)
    matrix = torch.zeros(300, 300).scatter_(1, found, values)
    assert torch.equal(matrix, matrix.t())


@pytest.mark.parametrize("loop", [True, False])
def test_nobody_has_neighbours_where_none_are_asked_for(loop):
    values, found = exact_neighbors(torch.ones(3, 2), 0, loop=loop)
    assert values.shape == found.shape == (3, 0)
