import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.distributed import Partition
from brmrs_graph.errors import ConfigError


@given(st.integers(1, 60), st.integers(1, 8))
def test_rows_are_cut_as_torch_cuts_them(size: int, ranks: int) -> None:
    ids = torch.arange(size)
    chunks = ids.chunk(ranks)
    if len(chunks) < ranks:  # torch gives fewer chunks where some rank would have nothing
        with pytest.raises(ConfigError, match=f"{size} users or items cannot be shared out among {ranks} ranks"):
            Partition(size, ranks, 0)
        return
    for rank, chunk in enumerate(chunks):
        partition = Partition(size, ranks, rank)
        assert list(partition.own) == chunk.tolist()
        assert torch.equal(partition.owner(chunk), torch.full_like(chunk, rank))
        assert torch.equal(ids[partition.owns(ids)], chunk)
        assert torch.equal(partition.local(chunk), torch.arange(len(chunk)))
