import numpy as np
import pytest
import scipy.sparse as sp
import torch

from brmrs_graph.errors import ConfigError
from brmrs_graph.serving import TrainedModel
from brmrs_graph.serving.fold_in import RIDGE, UserMap, user_map


def history(rows: list[list[int]], items: int) -> sp.csr_matrix:
    matrix = np.zeros((len(rows), items), dtype=np.float32)
    for row, taken in zip(matrix, rows, strict=True):
        row[taken] = 1
    return sp.csr_matrix(matrix)


def test_it_is_the_ridge_regression_of_user_vectors_on_means_of_items() -> None:
    rng = np.random.default_rng(0)
    taken = [rng.choice(20, rng.integers(1, 9), replace=False).tolist() for _ in range(60)]
    items = rng.standard_normal((20, 3)).astype(np.float32)
    users = rng.standard_normal((60, 3)).astype(np.float32)
    mean = np.stack([items[row].mean(axis=0) for row in taken]).astype(np.float64)
    x, y = mean - mean.mean(axis=0), users - users.mean(axis=0)
    # The same as least squares with rows that pull every weight to zero.
    pull = np.sqrt(RIDGE * (x**2).sum(axis=0).mean()) * np.eye(3)
    weight = np.linalg.lstsq(np.vstack([x, pull]), np.vstack([y, np.zeros((3, 3))]), rcond=None)[0]
    made = UserMap(history(taken, 20), torch.from_numpy(users), torch.from_numpy(items))(history(taken, 20))
    np.testing.assert_allclose(made.numpy(), users.mean(axis=0) + x @ weight, atol=1e-5)


def test_a_user_without_items_gets_the_mean_user_and_trains_nothing() -> None:
    items, users = torch.randn(9, 4), torch.randn(5, 4)
    known = [[0, 1], [2], [3, 4, 5], [8]]
    users[4] = 1e6  # has no items: not to be learned from
    made = UserMap(history([*known, []], 9), users, items)
    np.testing.assert_allclose(made(history([[]], 9)).numpy()[0], users[:4].mean(dim=0).numpy(), atol=1e-6)


def test_equal_users_and_equal_items_are_no_obstacle() -> None:
    """The vectors of popularity alone: every user is 1, and the items' may be anything."""
    popularity = torch.tensor([[5.0], [3.0], [3.0]])
    for items in (popularity, torch.ones(3, 1)):
        made = UserMap(history([[0], [1, 2]], 3), torch.ones(2, 1), items)(history([[2], [0, 1], []], 3))
        assert torch.allclose(made, torch.ones(3, 1))


def test_new_users_of_a_neighborhood_model_are_what_they_took(sparse: TrainedModel) -> None:
    train = sparse.kept.train
    users, items = (graph.to_scipy() for graph in sparse.branches.graphs["fused"])
    new = history([[1, 2]], train.shape[1])
    assert user_map(train, users, items)(new) is new
    with pytest.raises(ConfigError, match="sparse"):
        user_map(train, 2 * users, items)
