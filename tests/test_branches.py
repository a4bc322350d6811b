import pytest
import torch

from brmrs_graph.branches import FUSED, Branches, PairScores
from brmrs_graph.nn import make_fusion

USERS, ITEMS = 5, 7
DIMS = {"visual": 3, "textual": 4, "id": 2}
MODALITIES = ("visual", "textual")
FUSIONS = ["concat", "mean", "gate", "mlp"]


def tables(seed=0):
    generator = torch.Generator().manual_seed(seed)
    users = {name: torch.randn(USERS, d, generator=generator) for name, d in DIMS.items()}
    items = {name: torch.randn(ITEMS, d, generator=generator) for name, d in DIMS.items()}
    return users, items


def branches_with(fusion, seed=0):
    torch.manual_seed(seed)
    made = make_fusion(fusion, DIMS)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    return Branches(*tables(seed), MODALITIES, made)


def test_counts_names_and_repr():
    branches = branches_with("concat")
    assert (branches.num_users, branches.num_items) == (USERS, ITEMS)
    assert branches.names == ("visual", "textual", "id", FUSED)
    assert branches.modalities == MODALITIES
    assert repr(branches) == "Branches(5 users, 7 items, visual=3, textual=4, id=2)"


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("branch", ["visual", "textual", "id", FUSED])
def test_every_way_to_score_gives_the_dot_product_of_the_tables(fusion, branch):
    users, items = torch.tensor([4, 0, 4]), torch.tensor([[6, 1], [0, 0], [2, 6]])
    reference = branches_with(fusion)
    dense = reference.users(branch) @ reference.items(branch).t()
    if branch != FUSED:
        assert torch.equal(reference.users(branch), tables()[0][branch])
        assert torch.equal(reference.items(branch), tables()[1][branch])
    # A fresh object each time: nothing must depend on what was asked for before.
    one, many = (branches_with(fusion).score(branch, users, i) for i in (items[:, 0], items))
    assert one.shape == (3,) and many.shape == (3, 2)
    torch.testing.assert_close(one, dense[users, items[:, 0]])
    torch.testing.assert_close(many, dense[users.unsqueeze(1), items])
    torch.testing.assert_close(branches_with(fusion).score_all(branch, users), dense[users])


@pytest.mark.parametrize("fusion", FUSIONS)
def test_fused_vectors_of_a_few_rows_are_those_of_the_whole_tables(fusion):
    users, items = torch.tensor([1, 3]), torch.tensor([[5, 5, 0], [1, 2, 3]])
    lazy, whole = branches_with(fusion), branches_with(fusion)
    table = whole.users(), whole.items()
    few = lazy.vectors(FUSED, users, items)
    assert few[0].shape[:1] == (2,) and few[1].shape[:2] == (2, 3)
    torch.testing.assert_close(few[0], table[0][users])
    torch.testing.assert_close(few[1], table[1][items])
    for mine, theirs in zip(whole.vectors(FUSED, users, items), few, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_fused_tables_are_made_when_asked_for_and_only_once():
    branches = branches_with("concat")
    calls = []
    fuse = branches.fusion.fuse_users
    branches.fusion.fuse_users = lambda users: calls.append(1) or fuse(users)
    assert branches.names[-1] == FUSED and not calls
    assert branches.users() is branches.users(FUSED)
    assert calls == [1]


def test_the_two_sides_may_list_their_branches_in_different_orders():
    users, items = tables()
    backwards = dict(reversed(items.items()))
    fusion = make_fusion("concat", DIMS)
    here, there = (Branches(users, side, MODALITIES, fusion) for side in (items, backwards))
    torch.testing.assert_close(here.score_all(FUSED, torch.arange(USERS)), there.score_all(FUSED, torch.arange(USERS)))


def test_tables_list_every_branch_with_the_fused_one_last():
    branches = branches_with("mean")
    listed = branches.tables()
    assert tuple(listed) == branches.names
    users, items = listed[FUSED]
    average = sum(listed[name][0] @ listed[name][1].t() for name in DIMS) / len(DIMS)
    torch.testing.assert_close(users @ items.t(), average)


def test_a_model_may_bring_fused_vectors_of_its_own():
    users, items = torch.randn(USERS, 2), torch.randn(ITEMS, 2)
    branches = Branches({FUSED: users}, {FUSED: items})
    assert branches.names == (FUSED,)
    assert branches.modalities == ()
    torch.testing.assert_close(branches.score_all(FUSED, torch.tensor([3, 1])), users[[3, 1]] @ items.t())
    torch.testing.assert_close(
        branches.score(FUSED, torch.tensor([3]), torch.tensor([[0, 6]])), (items[[0, 6]] @ users[3])[None]
    )


def test_without_a_fusion_and_without_fused_vectors_there_is_an_error():
    with pytest.raises(ValueError, match="'fused' embeddings, or a fusion"):
        Branches(*tables(), MODALITIES)


def test_an_unknown_branch_is_an_error():
    with pytest.raises(KeyError, match="audio"):
        branches_with("concat").users("audio")


@pytest.mark.parametrize("fusion", FUSIONS)
def test_scoring_pairs_without_gradients_does_not_cut_off_later_scores(fusion):
    users, items = tables()
    branches = Branches({n: x.requires_grad_() for n, x in users.items()}, items, MODALITIES, make_fusion(fusion, DIMS))
    pair = torch.tensor([2]), torch.tensor([4])
    with torch.no_grad():
        assert not branches.score(FUSED, *pair).requires_grad
    branches.score(FUSED, *pair).sum().backward()
    assert all(x.grad is not None for x in users.values())


@pytest.mark.parametrize("shape", [(3,), (3, 4)])
@pytest.mark.parametrize("fusion", FUSIONS)
def test_pair_scores_have_the_shape_of_the_items_and_equal_the_dense_scores(fusion, shape):
    branches = branches_with(fusion)
    users = torch.tensor([0, 4, 2])
    items = torch.randint(ITEMS, shape, generator=torch.Generator().manual_seed(1))
    scores = PairScores(branches, users, items)
    rows = users if len(shape) == 1 else users.unsqueeze(1)
    for name in branches.names:
        assert scores[name].shape == shape
        dense = branches.users(name) @ branches.items(name).t()
        torch.testing.assert_close(scores[name], dense[rows, items])


@pytest.mark.parametrize(("fusion", "gathers"), [("concat", 3), ("mean", 3), ("gate", 3), ("mlp", 4)])
def test_pair_scores_compute_each_branch_once_and_reuse_them_for_a_linear_fusion(fusion, gathers, monkeypatch):
    branches = branches_with(fusion)
    asked = []
    vectors = Branches.vectors
    monkeypatch.setattr(
        Branches, "vectors", lambda self, branch, *ids: asked.append(branch) or vectors(self, branch, *ids)
    )
    scores = PairScores(branches, torch.tensor([0, 1]), torch.tensor([2, 3]))
    for _ in range(2):
        for name in branches.names:
            assert scores[name] is scores[name]
    assert len(asked) == gathers


@pytest.mark.parametrize("fusion", FUSIONS)
def test_gradients_of_fused_pair_scores_equal_those_of_the_dense_product(fusion):
    users, items = torch.tensor([0, 4, 0]), torch.tensor([[1, 1], [2, 6], [0, 1]])
    gradients = []
    for dense in (False, True):
        tensors = [{name: x.requires_grad_() for name, x in side.items()} for side in tables()]
        torch.manual_seed(0)
        branches = Branches(*tensors, MODALITIES, make_fusion(fusion, DIMS))
        if dense:
            score = (branches.users() @ branches.items().t())[users.unsqueeze(1), items]
        else:
            score = PairScores(branches, users, items)[FUSED]
        score.sin().sum().backward()
        gradients.append([x.grad for side in tensors for x in side.values()])
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_the_fused_score_does_not_depend_on_which_branch_was_scored_first(fusion):
    users, items = torch.tensor([4, 0, 4]), torch.tensor([[6, 1], [0, 0], [2, 6]])
    branches = branches_with(fusion)
    scores = PairScores(branches, users, items)
    for branch in ("id", "textual", "visual"):
        scores[branch]
    assert torch.equal(scores[FUSED], PairScores(branches, users, items)[FUSED])
