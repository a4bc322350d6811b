import pytest
import scipy.sparse as sp
import torch
from torch import Tensor

from brmrs_graph import sparse_branches
from brmrs_graph.branches import FUSED, PairScores
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.diagnosis.candidates import require_finite
from brmrs_graph.errors import TrainingError
from brmrs_graph.evaluation import rank
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.sparse_branches import SparseBranches

USERS, ITEMS, WIDTH = 9, 7, 5


def sparse(rows: int, seed: int, density: float = 0.4) -> tuple[Tensor, SparseGraph]:
    """A random matrix with an empty row, and its graph with the edges of every row in no order."""
    generator = torch.Generator().manual_seed(seed)
    dense = torch.randn(rows, WIDTH, generator=generator) * (torch.rand(rows, WIDTH, generator=generator) < density)
    dense[-1] = 0
    row, col = dense.nonzero().t()
    order = torch.randperm(row.numel(), generator=generator)
    order = order[row[order].argsort(stable=True)]
    indptr = torch.cat([torch.zeros(1), torch.bincount(row, minlength=rows).cumsum(0)]).int()
    return dense, SparseGraph(indptr, col[order].int(), dense[row[order], col[order]], WIDTH)


@pytest.fixture
def both() -> tuple[dict[str, tuple[Tensor, Tensor]], SparseBranches]:
    """Dense vectors by branch, and the branches made of them."""
    made = {name: (sparse(USERS, 2 * i), sparse(ITEMS, 2 * i + 1)) for i, name in enumerate(("visual", FUSED))}
    dense = {name: (users[0], items[0]) for name, (users, items) in made.items()}
    sides = ({name: pair[side][1] for name, pair in made.items()} for side in (0, 1))
    return dense, SparseBranches(*sides, modalities=("visual",))


Both = tuple[dict[str, tuple[Tensor, Tensor]], SparseBranches]


@pytest.mark.parametrize("block", [1, 2, 128])
def test_every_way_to_score_gives_the_dot_product_of_the_vectors(
    both: Both, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sparse_branches, "BLOCK", block)
    dense, branches = both
    users = torch.tensor([3, 0, 8, 3])
    items = torch.randint(ITEMS, (4, 6), generator=torch.Generator().manual_seed(0))
    for name, (user, item) in dense.items():
        scores = user @ item.t()
        torch.testing.assert_close(branches.score_all(name, users), scores[users])
        torch.testing.assert_close(branches.score(name, users, items), scores[users[:, None], items])
        torch.testing.assert_close(branches.score(name, users, items[:, 0]), scores[users, items[:, 0]])
        torch.testing.assert_close(PairScores(branches, users, items)[name], scores[users[:, None], items])


def test_the_tables_are_sparse_tensors_of_the_vectors(both: Both) -> None:
    dense, branches = both
    assert (branches.num_users, branches.num_items) == (USERS, ITEMS)
    assert branches.names == ("visual", FUSED) and branches.modalities == ("visual",)
    for name, tables in branches.tables().items():
        for table, expected in zip(tables, dense[name], strict=True):
            assert table.is_sparse
            torch.testing.assert_close(table.to_dense(), expected)


@pytest.mark.parametrize(("users", "items"), [(0, 0), (0, 3), (2, 0)])
def test_nothing_asked_gives_nothing(both: Both, users: int, items: int) -> None:
    branches = both[1]
    ids = torch.zeros(users, dtype=torch.int64)
    assert branches.score(FUSED, ids, torch.zeros(users, items, dtype=torch.int64)).shape == (users, items)
    assert branches.score_all(FUSED, ids).shape == (users, ITEMS)


def test_without_any_entry_all_scores_are_0() -> None:
    users, items = (SparseGraph.from_scipy(sp.csr_matrix((n, WIDTH))) for n in (USERS, ITEMS))
    branches = SparseBranches({FUSED: users}, {FUSED: items})
    ids = torch.arange(USERS)
    assert not branches.score_all(FUSED, ids).any() and not branches.score(FUSED, ids, ids % ITEMS).any()


def test_they_rank_as_dense_ones_do(both: Both) -> None:
    dense, branches = both
    seen = sp.csr_matrix((torch.rand(USERS, ITEMS, generator=torch.Generator().manual_seed(1)) < 0.3).numpy())
    held_out = sp.csr_matrix((torch.rand(USERS, ITEMS, generator=torch.Generator().manual_seed(2)) < 0.5).numpy())
    ranking = rank(branches, seen, held_out, k=3)[FUSED]
    scores = (dense[FUSED][0] @ dense[FUSED][1].t()).masked_fill(torch.from_numpy(seen.toarray()), -torch.inf)
    expected = scores[ranking.users].sort(dim=1, descending=True, stable=True).indices[:, :3]
    assert torch.equal(ranking.items, expected)


@pytest.mark.parametrize("side", [0, 1])
def test_entries_that_are_not_finite_are_found(both: Both, side: int, toy: MultimodalDataset) -> None:
    branches = both[1]
    assert branches.is_finite() and branches.is_finite("visual")
    branches.graphs["visual"][side].weight[0] = torch.nan
    assert branches.is_finite() and not branches.is_finite("visual")
    with pytest.raises(TrainingError, match="'visual' are not finite"):
        require_finite(branches, branches.names)
    with pytest.raises(TrainingError, match="'visual' are not finite"):
        rank(branches, toy.train, toy.test, names=["visual"])
