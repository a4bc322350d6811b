import numpy as np
import pytest
import scipy.sparse as sp

from brmrs_graph.graphs import overlap_graph


def incidence(rows=17, cols=9, density=0.3, seed=0):
    dense = (np.random.default_rng(seed).random((rows, cols)) < density).astype(np.float32)
    dense[3] = 0  # a row without columns
    dense[4:6] = [0, 1, 1, 0, 0, 1, 0, 0, 1]  # two equal rows
    return dense


def jaccard(dense):
    sets = [set(np.flatnonzero(row).tolist()) for row in dense]
    result = np.zeros((len(sets), len(sets)))
    for i, a in enumerate(sets):
        for j, b in enumerate(sets):
            if i != j and a & b:
                result[i, j] = len(a & b) / len(a | b)
    return result


@pytest.mark.parametrize("block", [1, 5, 17, 2048])
def test_with_a_large_k_equals_the_dense_jaccard_matrix(block):
    dense = incidence()
    graph = overlap_graph(sp.csr_matrix(dense), 17, block=block)
    np.testing.assert_allclose(graph.to_dense().numpy(), jaccard(dense), rtol=1e-6)
    assert graph.degree()[3] == 0
    assert graph.to_dense()[4, 5] == 1


@pytest.mark.parametrize("block", [1, 5, 2048])
@pytest.mark.parametrize("k", [1, 3])
def test_keeps_the_k_strongest_links_in_order_with_ties_to_the_lower_id(k, block):
    dense = incidence()
    overlap = jaccard(dense).astype(np.float32)
    graph = overlap_graph(sp.csr_matrix(dense), k, block=block)
    for i, row in enumerate(overlap):
        strongest = sorted(np.flatnonzero(row), key=lambda j, row=row: (-row[j], j))[:k]
        assert graph.col[graph.row == i].tolist() == strongest


@pytest.mark.parametrize("block", [5, 2048])
@pytest.mark.parametrize("shrink", [0.0, 2.5])
def test_the_cosine_is_that_of_the_dense_rows_with_shrinkage(shrink, block):
    dense = incidence()
    length = np.sqrt(dense.sum(axis=1))
    expected = dense @ dense.T / np.maximum(np.outer(length, length) + shrink, 1e-12)
    np.fill_diagonal(expected, 0)
    graph = overlap_graph(sp.csr_matrix(dense), 17, measure="cosine", shrink=shrink, block=block)
    np.testing.assert_allclose(graph.to_dense().numpy(), expected, rtol=1e-5)


def test_shrinkage_lowers_the_jaccard_overlap_too():
    dense = incidence()
    shrunk = overlap_graph(sp.csr_matrix(dense), 17, shrink=1.0).to_dense().numpy()
    assert shrunk[4, 5] == 4 / (4 + 1)


def test_rows_that_share_nothing_give_an_empty_graph():
    graph = overlap_graph(sp.identity(4, format="csr"), 3)
    assert graph.shape == (4, 4) and graph.num_edges == 0
