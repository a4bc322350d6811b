import math

import pytest
import torch
from torch import Tensor

from brmrs_graph.graphs import SparseGraph, knn_graph
from brmrs_graph.sampling import Closeness, common_neighbors

N, K = 40, 8


def features(seed: int, missing: Tensor) -> Tensor:
    x = torch.randn(N, 4, generator=torch.Generator().manual_seed(seed))
    x[missing] = 0
    return x


def lacking(seed: int, share: float = 0.2) -> Tensor:
    return torch.rand(N, generator=torch.Generator().manual_seed(seed)) < share


def every_pair() -> tuple[Tensor, Tensor]:
    return torch.arange(N).repeat_interleave(N), torch.arange(N).repeat(N)


def lists(graph: SparseGraph) -> list[set[int]]:
    return [set(graph.col[graph.row == i].tolist()) for i in range(N)]


@pytest.mark.parametrize("chunk", [7, 1 << 16])
def test_similarities_are_standardised_by_those_of_the_row(chunk: int) -> None:
    missing = lacking(3)
    x = features(0, missing)
    z = Closeness(knn_graph(x, K, missing=missing), x, missing, chunk=chunk).z(*every_pair()).view(N, N)
    # There are fewer than 1,000 items, so that all that have the modality are reference items.
    present = (~missing).nonzero().squeeze(1).tolist()
    for i in present:
        cosine = [
            sum(p * q for p, q in zip(x[i].tolist(), x[j].tolist(), strict=True)) / float(x[i].norm() * x[j].norm())
            for j in present
        ]
        mean = sum(cosine) / len(cosine)
        std = math.sqrt(sum((c - mean) ** 2 for c in cosine) / len(cosine))
        assert z[i, present].tolist() == pytest.approx([(c - mean) / std for c in cosine], abs=1e-4)


@pytest.mark.parametrize("delta", [-0.5, 0.5, 5.0])
def test_different_is_off_the_list_and_not_too_similar_and_nothing_where_one_lacks_the_modality(delta: float) -> None:
    missing = lacking(3)
    x = features(0, missing)
    graph = knn_graph(x, K, missing=missing)
    closeness = Closeness(graph, x, missing, delta=delta)
    rows, cols = every_pair()
    z = closeness.z(rows, cols)
    different = closeness.different(rows, cols)
    assert torch.equal(different, closeness.different(rows, cols, z))
    near = lists(graph)
    for i, j, value, result in zip(rows.tolist(), cols.tolist(), z.tolist(), different.tolist(), strict=True):
        assert result == (not missing[i] and not missing[j] and j not in near[i] and value <= delta)
    assert 0 < int(different.sum()) < N * N


def test_nobody_is_different_in_a_modality_that_nobody_has() -> None:
    everything = torch.ones(N, dtype=torch.bool)
    x = torch.zeros(N, 3)
    assert not bool(Closeness(knn_graph(x, K), x, everything).different(*every_pair()).any())


def test_no_pairs_have_no_similarity() -> None:
    x = features(0, lacking(3, 0.0))
    closeness = Closeness(knn_graph(x, K), x, lacking(3, 0.0))
    none = torch.empty(0, dtype=torch.int64)
    assert closeness.z(none, none).numel() == closeness.different(none, none).numel() == 0


def test_common_neighbours_are_on_both_lists_with_the_similarity_of_the_first() -> None:
    missing = lacking(3)
    first, second = (knn_graph(features(seed, missing), K, missing=missing) for seed in (0, 1))
    both = common_neighbors(first, second)
    assert lists(both) == [one & other for one, other in zip(lists(first), lists(second), strict=True)]
    assert both.num_edges > 0
    assert torch.equal(both.to_dense()[both.row, both.col], first.to_dense()[both.row, both.col])


def test_moving_moves_every_part() -> None:
    missing = lacking(3)
    x = features(0, missing)
    closeness = Closeness(knn_graph(x, K, missing=missing), x, missing)
    before = closeness.different(*every_pair())
    assert closeness.to("cpu") is closeness
    assert torch.equal(closeness.different(*every_pair()), before)
    closeness.to("meta")
    tensors = [part for part in (*vars(closeness).values(), closeness.neighbors.keys) if isinstance(part, Tensor)]
    assert len(tensors) == 5 and {tensor.device.type for tensor in tensors} == {"meta"}
