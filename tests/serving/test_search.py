import numpy as np
import scipy.sparse as sp
import torch

from brmrs_graph.serving import search
from brmrs_graph.serving.search import BLOCK, SLICE, Index, take, unit
from brmrs_graph.topk import top_items


def vectors(dense: bool, rows: int, dim: int, seed: int) -> search.Vectors:
    if dense:
        return torch.randn(rows, dim, generator=torch.Generator().manual_seed(seed))
    return sp.random(rows, dim, 0.2, "csr", dtype=np.float32, random_state=seed)


def array(x: search.Vectors) -> np.ndarray:
    return x.numpy() if isinstance(x, torch.Tensor) else x.toarray()


def test_a_query_gets_the_same_answer_alone_as_among_others_in_every_bit() -> None:
    for dense, size in ((True, 300), (True, SLICE + 77), (False, 300)):
        index, queries = Index(vectors(dense, size, 33, 0)), vectors(dense, 2 * BLOCK + 5, 33, 1)
        positions, scores = index.search(queries, 7)
        order = np.random.default_rng(0).permutation(queries.shape[0])
        for rows in (np.array([0]), np.array([BLOCK + 3]), order[:BLOCK], order):
            answer = index.search(take(queries, rows), 7)
            assert np.array_equal(answer[0], positions[rows]) and np.array_equal(answer[1], scores[rows])


def test_scores_are_dot_products_and_what_is_excluded_is_never_found() -> None:
    for dense in (True, False):
        items, queries = vectors(dense, 90, 20, 0), vectors(dense, BLOCK + 9, 20, 1)
        product = array(queries) @ array(items).T
        excluded = sp.random(*product.shape, 0.5, "csr", random_state=3)
        positions, scores = Index(items).search(queries, 90, excluded)
        product[excluded.nonzero()] = -np.inf
        assert np.array_equal(positions < 0, np.isneginf(scores))
        for row, expected in enumerate(product):
            left = positions[row] >= 0
            assert sorted(positions[row, left]) == np.flatnonzero(np.isfinite(expected)).tolist()
            np.testing.assert_allclose(scores[row, left], expected[positions[row, left]], atol=1e-5)
            assert (np.diff(scores[row, left]) <= 0).all()


def test_there_may_be_no_query_and_no_candidate() -> None:
    for dense in (True, False):
        items = vectors(dense, 9, 4, 0)
        assert Index(items).search(take(items, np.empty(0, dtype=np.int64)), 3)[0].shape == (0, 3)
        assert Index(take(items, np.empty(0, dtype=np.int64))).search(items, 3)[1].shape == (9, 0)


def test_no_more_than_a_block_of_scores_is_held(monkeypatch) -> None:
    shapes = []

    def watched(scores: torch.Tensor, n: int) -> torch.Tensor:
        shapes.append(tuple(scores.shape))
        return top_items(scores, n)

    monkeypatch.setattr(search, "top_items", watched)
    Index(vectors(True, 50, 4, 0)).search(vectors(True, 1000, 4, 1), 5)
    assert max(shapes) == (BLOCK, 50) and sum(shape[0] for shape in shapes) == 1000


def test_unit_vectors_have_length_one_or_stay_zero() -> None:
    for dense in (True, False):
        x = vectors(dense, 30, 6, 0)
        if isinstance(x, torch.Tensor):
            x[4] = 0
        zero = ~array(x).any(axis=1)
        assert zero.any() and np.allclose(np.linalg.norm(array(unit(x)), axis=1), ~zero)
