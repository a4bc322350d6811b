import pytest
import torch

from brmrs_graph.errors import ConfigError
from brmrs_graph.graphs import nearest_graph


@pytest.mark.parametrize("block", [1, 4, 1024])
@pytest.mark.parametrize("k", [1, 3, 7])
def test_equals_sorting_all_cosines(k: int, block: int) -> None:
    generator = torch.Generator().manual_seed(0)
    rows, cols = torch.randn(9, 4, generator=generator), torch.randn(7, 4, generator=generator)
    rows[2] = 0
    expected = torch.zeros(9, 7)
    for i in range(9):
        cosines = torch.cosine_similarity(rows[i], cols)
        for j in sorted(range(7), key=lambda j: -float(cosines[j]))[:k]:
            expected[i, j] = max(float(cosines[j]), 0.0)
    graph = nearest_graph(rows, cols, k, block=block)
    torch.testing.assert_close(graph.to_dense(), expected)
    assert graph.degree()[2] == 0 and graph.num_edges == int((expected > 0).sum())


@pytest.mark.parametrize("k", [0, 4])
def test_k_out_of_range_is_named(k: int) -> None:
    with pytest.raises(ConfigError, match=f"k={k} .*between 1 and 3"):
        nearest_graph(torch.randn(2, 2), torch.randn(3, 2), k)
