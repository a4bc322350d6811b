import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from brmrs_graph.branches import FUSED, Branches
from brmrs_graph.evaluation import rank, screening
from brmrs_graph.evaluation.screening import CANDIDATES, MIN_ITEMS, Screen

ITEMS = 600


def nothing(user: Tensor, item: Tensor) -> sp.csr_matrix:
    """No items that are left out."""
    return sp.csr_matrix((len(user), len(item)), dtype=np.float32)


def tables(
    seed: int, dim: int, mean: float, scale: float, users: int = 30, items: int = ITEMS
) -> tuple[Tensor, Tensor]:
    """Vectors of users and items; the larger their mean, the more is lost by rounding them, of which scores are sums of
    as many positive as negative products."""
    generator = torch.Generator().manual_seed(seed)
    user, item = (torch.randn(n, dim, generator=generator) + mean for n in (users, items))
    item[:, 1::2] *= -1
    return user * scale, item * torch.rand(items, 1, generator=generator)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    dim=st.integers(1, 70),
    mean=st.sampled_from([0.0, 0.3, 30.0, 3000.0]),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    k=st.integers(1, 20),
)
def test_what_is_proved_is_the_ranking_by_exact_scores(seed: int, dim: int, mean: float, scale: float, k: int) -> None:
    user, item = tables(seed, dim, mean, scale)
    top, proved = Screen(item).top(user, nothing(user, item), k)
    scores = user.double() @ item.double().t()
    exact = scores.topk(k, dim=1).values
    tolerance = 1e-6 * user.norm(dim=1, keepdim=True).double() * item.norm(dim=1).max()
    assert ((scores.gather(1, top) - exact).abs() <= tolerance)[proved].all()


@pytest.mark.parametrize("mean", [0.0, 1.0, 10.0])
def test_nearly_all_users_are_proved_where_scores_differ(mean: float) -> None:
    user, item = tables(0, 64, 0.0, 1.0, users=500)
    _, proved = Screen(item + mean).top(user + mean, nothing(user, item), 20)
    assert proved.float().mean() > 0.95


BELOW_HALF = 0.0038
"""1 more is rounded to 1."""


@pytest.mark.parametrize(("of_user", "of_item"), [(0, 0), (-40, 0), (0, -80), (-80, 0), (-100, 55), (55, -100)])
@pytest.mark.parametrize(
    ("user", "most", "some"),
    [
        ([1, -1, 1], [1 + BELOW_HALF, 1, 2**-10], [1.0009, 1, 1.125 * 2**-10]),  # items are rounded
        ([1 + BELOW_HALF, 1, 1], [1, -1, 2**-10], [0, 0, 2**-9]),  # the user is rounded
    ],
)
def test_nothing_is_proved_where_rounding_puts_the_wrong_items_first(
    user: list[float], most: list[float], some: list[float], of_user: int, of_item: int
) -> None:
    k = 5
    item = torch.tensor(most).repeat(ITEMS, 1)
    item[: CANDIDATES * k] = torch.tensor(some)
    item = torch.cat([item, -item, torch.zeros(20 * ITEMS, 3)])  # with a mean of zero, and short on average
    x, item = torch.tensor([user]).float() * 2.0**of_user, item * 2.0**of_item
    top, proved = Screen(item).top(x, nothing(x, item), k)
    scores = (x.double() @ item.double().t()).squeeze(0)
    assert (scores[top] < 0.9 * scores.max()).all() and not proved.any()


def test_nothing_is_proved_where_rounding_makes_rough_scores_equal() -> None:
    steps = (torch.arange(1, ITEMS + 1) * 2.0**-18).bfloat16().float()
    item = torch.stack([torch.ones(ITEMS), steps], dim=1)
    item, user = torch.cat([item, -item]), torch.ones(1, 2)
    top, proved = Screen(item).top(user, nothing(user, item), 5)
    assert top.min() < ITEMS - 100 and not proved.any()


def test_nothing_is_proved_where_too_few_items_score_above_the_mean() -> None:
    best = torch.linspace(2, 3, CANDIDATES * 5).unsqueeze(1).expand(-1, 4)
    others = (-best.sum(dim=0) / ITEMS).expand(ITEMS, -1)
    user, item = torch.ones(2, 4), torch.cat([best, others])
    assert not Screen(item).top(user, nothing(user, item), 5)[1].any()  # one more is needed
    assert Screen(item).top(user, nothing(user, item), 2)[1].all()


@pytest.mark.parametrize(("mean", "values"), [(0.0, None), (0.3, None), (30.0, None), (0.0, 2)])
def test_screened_rankings_are_those_of_all_exact_scores(
    mean: float, values: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, item = tables(1, 16, mean, 1.0, users=300)
    if values:  # many scores are equal
        user, item = (torch.randint(-values, values + 1, x.shape).float() for x in (user, item))
    branches = Branches({FUSED: user}, {FUSED: item})
    rng = np.random.default_rng(0)
    kind = rng.choice(3, (300, ITEMS), p=[0.6, 0.3, 0.1])
    kind[:5] = 1
    kind[:5, :3] = 2  # these have no more than three items left
    seen, held_out = (sp.csr_matrix(kind == n, dtype=np.float32) for n in (1, 2))
    in_full = rank(branches, seen, held_out, 10)[FUSED]
    screened = []

    def is_faster(items: Tensor, k: int) -> bool:
        screened.append((len(items), k))
        return True

    monkeypatch.setattr(Screen, "is_faster", staticmethod(is_faster))
    found = rank(branches, seen, held_out, 10, block=64)[FUSED]
    assert screened == [(ITEMS, 10)]
    assert torch.equal(found.items, in_full.items) and torch.equal(found.hits, in_full.hits)


def test_is_faster_for_many_items_on_a_processor_that_multiplies_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    items = torch.zeros(20 * MIN_ITEMS, 2)
    for able in ({"avx512_bf16": True}, {"amx_bf16": True, "avx512_bf16": False}):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able)
        assert Screen.is_faster(items, 20)
        assert not Screen.is_faster(items[1:], 20) and not Screen.is_faster(items, 0)
        assert not Screen.is_faster(items.double(), 20) and not Screen.is_faster(items.to_sparse(), 20)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert not Screen.is_faster(items, 20)


def test_no_users_and_slices_of_one_user(monkeypatch: pytest.MonkeyPatch) -> None:
    user, item = tables(0, 8, 0.0, 1.0)
    top, proved = Screen(item).top(user, nothing(user, item), 5)
    monkeypatch.setattr(screening, "SLICE", 1)
    found, proved_too = Screen(item).top(user, nothing(user, item), 5)
    assert torch.equal(found, top) and torch.equal(proved_too, proved)
    assert Screen(item).top(user[:0], nothing(user[:0], item), 5)[0].shape == (0, 5)
