import pytest
import torch

from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import SparseGraph, nearest_graph


@pytest.mark.parametrize("block", [1, 4, 1024])
@pytest.mark.parametrize("k", [1, 3, 7])
@pytest.mark.parametrize("some_excluded", [False, True])
def test_equals_sorting_all_cosines(k: int, some_excluded: bool, block: int) -> None:
    generator = torch.Generator().manual_seed(0)
    rows, cols = torch.randn(9, 4, generator=generator), torch.randn(7, 4, generator=generator)
    rows[2] = 0
    excluded = torch.rand(9, 7, generator=generator) < 0.4 * some_excluded
    excluded[3] = some_excluded
    expected = torch.zeros(9, 7)
    for i in range(9):
        cosines = torch.cosine_similarity(rows[i], cols)
        allowed = [j for j in range(7) if not excluded[i, j]]
        for j in sorted(allowed, key=lambda j: -float(cosines[j]))[:k]:
            expected[i, j] = max(float(cosines[j]), 0.0)
    exclude = SparseGraph.from_edges(*excluded.nonzero(as_tuple=True), (9, 7)) if some_excluded else None
    graph = nearest_graph(rows, cols, k, exclude=exclude, block=block)
    torch.testing.assert_close(graph.to_dense(), expected)
    assert graph.degree()[2] == 0 and graph.num_edges == int((expected > 0).sum())


@pytest.mark.parametrize("k", [0, 4])
def test_k_out_of_range_is_named(k: int) -> None:
    with pytest.raises(ConfigError, match=f"k={k} .*between 1 and 3"):
        nearest_graph(torch.randn(2, 2), torch.randn(3, 2), k)
