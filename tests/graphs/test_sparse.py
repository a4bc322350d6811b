import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from brmrs_graph.graphs import SparseGraph


def random_edges(num_rows, num_cols, num_edges, seed=0):
    generator = torch.Generator().manual_seed(seed)
    row = torch.randint(num_rows, (num_edges,), generator=generator)
    col = torch.randint(num_cols, (num_edges,), generator=generator)
    return row, col, torch.randn(num_edges, generator=generator)


def dense_of(row, col, weight, shape):
    dense = torch.zeros(shape, dtype=weight.dtype)
    for i, j, w in zip(row.tolist(), col.tolist(), weight, strict=True):
        dense[i, j] += w
    return dense


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 30), st.integers(1, 4), st.integers(0, 2**30))
def test_product_equals_torch_sparse_for_edges_in_any_order_with_repeats(rows, cols, edges, width, seed):
    row, col, weight = random_edges(rows, cols, edges, seed)
    graph = SparseGraph.from_edges(row, col, (rows, cols), weight)
    x = torch.randn(cols, width)
    reference = torch.sparse_coo_tensor(torch.stack([row, col]), weight, (rows, cols), check_invariants=True)
    assert graph.shape == (rows, cols) and graph.num_edges == edges
    torch.testing.assert_close(graph.to_dense(), reference.to_dense())
    torch.testing.assert_close(graph @ x, torch.sparse.mm(reference, x))
    torch.testing.assert_close(graph.t().to_dense(), reference.to_dense().t())


def test_gradient_is_exact_to_second_order():
    row, col, weight = random_edges(5, 4, 9)
    graph = SparseGraph.from_edges(row, col, (5, 4), weight.double())
    x = torch.randn(4, 3, dtype=torch.double, requires_grad=True)
    assert gradcheck(lambda x: graph @ x, x)
    assert gradgradcheck(lambda x: (graph @ x).sin(), x)


def test_gradient_equals_that_of_torch_sparse():
    row, col, weight = random_edges(6, 5, 14)
    graph = SparseGraph.from_edges(row, col, (6, 5), weight)
    reference = torch.sparse_coo_tensor(torch.stack([row, col]), weight, (6, 5), check_invariants=True)
    x, y = torch.randn(5, 2, requires_grad=True), torch.randn(6, 2)
    (ours,) = torch.autograd.grad(((graph @ x) * y).sum(), x)
    (theirs,) = torch.autograd.grad((torch.sparse.mm(reference, x) * y).sum(), x)
    torch.testing.assert_close(ours, theirs)


def test_product_takes_a_matrix_that_is_not_contiguous():
    row, col, weight = random_edges(4, 6, 10)
    graph = SparseGraph.from_edges(row, col, (4, 6), weight)
    x = torch.randn(3, 6).t()
    torch.testing.assert_close(graph @ x, graph.to_dense() @ x)


def test_product_refuses_a_matrix_of_another_height():
    graph = SparseGraph.from_edges(torch.tensor([0]), torch.tensor([1]), (2, 3))
    with pytest.raises(ValueError, match="3 columns, x has 2 rows"):
        graph @ torch.ones(2, 1)


def test_weights_default_to_one_and_rows_list_their_columns_in_order():
    graph = SparseGraph.from_edges(torch.tensor([2, 0, 2]), torch.tensor([1, 3, 0]), (3, 4))
    assert graph.row.tolist() == [0, 2, 2]
    assert graph.col.tolist() == [3, 0, 1]
    assert graph.weight.tolist() == [1, 1, 1]
    assert graph.degree().tolist() == [1, 0, 2]


def test_int32_ids_of_a_large_graph_do_not_overflow():
    n = 100_000
    row, col = torch.tensor([30_000, 0], dtype=torch.int32), torch.tensor([5, 1], dtype=torch.int32)
    graph = SparseGraph.from_edges(row, col, (n, n), torch.tensor([2.0, 3.0]))
    assert (graph.row.tolist(), graph.col.tolist(), graph.weight.tolist()) == ([0, 30_000], [1, 5], [3, 2])


def test_transpose_is_computed_once_and_undone_for_free():
    graph = SparseGraph.from_edges(*random_edges(4, 3, 6)[:2], (4, 3))
    assert graph.t() is graph.t()
    assert graph.t().t() is graph


def test_select_keeps_exactly_the_marked_edges():
    row, col, weight = random_edges(5, 5, 12)
    graph = SparseGraph.from_edges(row, col, (5, 5), weight)
    keep = graph.weight > 0
    kept = graph.select(keep)
    assert 0 < kept.num_edges < graph.num_edges
    torch.testing.assert_close(kept.to_dense(), dense_of(graph.row[keep], graph.col[keep], graph.weight[keep], (5, 5)))


@pytest.mark.parametrize("rows", [[2, 0, 2], [1], []])
def test_rows_are_taken_in_the_order_given(rows):
    edges = torch.tensor([0, 0, 2, 2, 3]), torch.tensor([1, 2, 0, 2, 1])
    graph = SparseGraph.from_edges(*edges, (4, 3), torch.arange(1.0, 6.0))
    taken = graph.take_rows(torch.tensor(rows, dtype=torch.int64))
    assert taken.shape == (len(rows), 3) and taken.indptr.dtype == torch.int32
    assert torch.equal(taken.to_dense(), graph.to_dense()[rows])


def test_scipy_round_trip_keeps_the_matrix_and_the_order_of_a_row():
    matrix = sp.csr_matrix(([0.5, 2.0, 1.0], [2, 0, 1], [0, 2, 3]), shape=(2, 3))
    graph = SparseGraph.from_scipy(matrix)
    assert graph.col.tolist() == [2, 0, 1]
    assert (graph.to_scipy() != matrix).nnz == 0


def test_edge_index_form_has_sources_first():
    graph = SparseGraph.from_edges(torch.tensor([0]), torch.tensor([2]), (1, 3), torch.tensor([0.5]))
    edge_index, weight = graph.to_edge_index()
    assert edge_index.tolist() == [[2], [0]] and weight.tolist() == [0.5]


def test_apply_changes_type_and_keeps_symmetry():
    symmetric = SparseGraph.from_edges(torch.tensor([0, 1]), torch.tensor([1, 0]), (2, 2))
    symmetric._transposed = symmetric
    moved = symmetric.apply(lambda t: t.double() if t.is_floating_point() else t)
    assert moved.weight.dtype == torch.double and moved.indptr.dtype == torch.int32
    assert moved.t() is moved
    assert symmetric.to("cpu").t() is not symmetric


def test_repr_tells_shape_and_edges():
    graph = SparseGraph.from_edges(torch.tensor([0, 1]), torch.tensor([2, 0]), (2, 3))
    assert repr(graph) == "SparseGraph(2x3, num_edges=2)"
