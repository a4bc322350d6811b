import torch
from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.distributed.drawing import own_rows


@given(st.integers(0, 60), st.integers(1, 70), st.data())
def test_the_own_rows_are_those_of_one_draw_and_the_stream_goes_on_alike(
    size: int, block: int, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, size))
    own = range(start, data.draw(st.integers(start, size)))
    one, blocks = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    whole = torch.rand(size, 2, generator=one)
    kept = own_rows(lambda count: torch.rand(count, 2, generator=blocks), size, own, block)
    assert torch.equal(kept, whole[own.start : own.stop])
    # A generator ends in the same state when as many numbers were drawn.
    assert torch.equal(torch.rand(3, generator=one), torch.rand(3, generator=blocks))
