from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from brmrs_graph.losses import chns_loss, disagreement

TWO = ("visual", "textual")
THREE = ("visual", "textual", "audio")


def margins_of(modalities, seed=0):
    """Random margins of each branch on the negatives of each direction."""
    generator = torch.Generator().manual_seed(seed)
    directions = list(permutations(modalities, 2))
    table = {(b, d): torch.randn(9, generator=generator) for d in directions for b in (*modalities, "fused")}
    return directions, table


def bpr(margin):
    return np.mean(np.log1p(np.exp(-margin.double().numpy())))


def loss_of(directions, table, *args):
    return chns_loss(lambda branch, direction: table[branch, direction], directions, *args).item()


@pytest.mark.parametrize("kappa", [0.0, 1.0, 0.3])
def test_with_two_modalities_equals_the_formula_for_every_assignment(kappa):
    directions, table = margins_of(TWO)
    vt, tv = directions
    fused = kappa * (bpr(table["fused", vt]) + bpr(table["fused", tv]))
    cross = bpr(table["textual", vt]) + bpr(table["visual", tv])
    own = bpr(table["visual", vt]) + bpr(table["textual", tv])
    assert loss_of(directions, table, "cross", kappa) == pytest.approx(cross + fused, rel=1e-5)
    assert loss_of(directions, table, "self", kappa) == pytest.approx(own + fused, rel=1e-5)
    assert loss_of(directions, table, "both", kappa) == pytest.approx((cross + own) / 2 + fused, rel=1e-5)


def test_cross_with_weight_one_on_the_fused_branch_is_the_default():
    directions, table = margins_of(TWO)
    assert loss_of(directions, table) == loss_of(directions, table, "cross", 1.0)


@pytest.mark.parametrize("assign", ["cross", "self", "both"])
def test_with_three_modalities_averages_over_those_that_were_fooled(assign):
    directions, table = margins_of(THREE)
    expected = 0.0
    for b in THREE:
        for a in set(THREE) - {b}:
            branch = {"cross": (b,), "self": (a,), "both": (a, b)}[assign]
            trained = np.mean([bpr(table[name, (a, b)]) for name in branch])
            expected += (trained + 0.5 * bpr(table["fused", (a, b)])) / 2
    assert loss_of(directions, table, assign, 0.5) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("assign", "trained"), [("cross", 1), ("self", 0), ("both", None)])
def test_gradients_reach_exactly_the_branches_that_are_assigned(assign, trained):
    directions, table = margins_of(THREE)
    table = {key: margin.requires_grad_() for key, margin in table.items()}
    chns_loss(lambda branch, direction: table[branch, direction], directions, assign, 0.0).backward()
    for (branch, direction), margin in table.items():
        expected = branch in direction if trained is None else branch == direction[trained]
        assert (margin.grad is not None) == expected


def test_without_weight_the_fused_margins_are_not_even_asked_for():
    directions, table = margins_of(TWO)
    asked = []
    chns_loss(lambda branch, direction: asked.append(branch) or table[branch, direction], directions, "cross", 0.0)
    assert sorted(asked) == ["textual", "visual"]


def weights_by_hand(margin_a, margin_b):
    a, b = margin_a.double().numpy(), margin_b.double().numpy()
    weight = 1 / (1 + np.exp(a / a.std() - b / b.std()))
    return weight / weight.mean()


@pytest.mark.parametrize("assign", ["cross", "self", "both"])
@pytest.mark.parametrize("modalities", [TWO, THREE])
def test_weighted_by_disagreement_equals_the_formula(assign, modalities):
    directions, table = margins_of(modalities)
    expected = 0.0
    for a, b in directions:
        weight = weights_by_hand(table[a, (a, b)], table[b, (a, b)])
        losses = {m: np.mean(weight * np.log1p(np.exp(-table[m, (a, b)].double().numpy()))) for m in (a, b, "fused")}
        trained = {"cross": losses[b], "self": losses[a], "both": (losses[a] + losses[b]) / 2}[assign]
        expected += (trained + 0.7 * losses["fused"]) / (len(modalities) - 1)
    assert loss_of(directions, table, assign, 0.7, "disagreement") == pytest.approx(expected, rel=1e-5)
    assert loss_of(directions, table, assign, 0.7, "none") == loss_of(directions, table, assign, 0.7)


def test_weights_pass_no_gradient_on():
    directions, table = margins_of(TWO)
    table = {key: margin.requires_grad_() for key, margin in table.items()}
    chns_loss(lambda branch, direction: table[branch, direction], directions, "cross", 0.0, "disagreement").backward()
    for (branch, direction), margin in table.items():
        assert (margin.grad is not None) == (branch == direction[1])
    a, b = directions[0]
    margin = table[b, (a, b)]
    by_hand = -torch.sigmoid(-margin.detach()) * disagreement(table[a, (a, b)], margin) / len(margin)
    torch.testing.assert_close(margin.grad, by_hand)


numbers = arrays(np.float32, st.integers(2, 20), elements=st.floats(-9, 9, width=32))


@given(margin_a=numbers, seed=st.integers(0, 99))
def test_weights_have_mean_one_whatever_the_margins(margin_a, seed):
    a = torch.from_numpy(margin_a.copy())
    weight = disagreement(a, torch.randn(len(a), generator=torch.Generator().manual_seed(seed)))
    assert float(weight.mean()) == pytest.approx(1, abs=1e-5) and bool((weight >= 0).all())


def test_weights_grow_with_the_disagreement_and_do_not_depend_on_the_scales():
    a, b = torch.tensor([-2.0, -2.0, 1.0, 1.0, 0.0]), torch.tensor([1.5, 0.5, 0.5, -1.0, 3.0])
    weight = disagreement(a, b)
    assert weight[0] > weight[1] > weight[2] > weight[3]
    torch.testing.assert_close(weight, disagreement(20 * a, b / 50))


def test_a_single_triple_weighs_one():
    assert disagreement(torch.tensor([3.0]), torch.tensor([-2.0])).tolist() == [1.0]
