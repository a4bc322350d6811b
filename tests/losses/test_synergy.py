import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.losses import bpr_loss, synergy_loss, synergy_margin, synergy_share

B = 11


def margins(branches=2, size=B, scale=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [scale * (k + 1) * torch.randn(size, generator=generator) for k in range(branches)]


def reference_margin(fused, unimodal):
    """The reference form by numpy, in double precision."""
    fused, unimodal = fused.detach().double().numpy(), [m.detach().double().numpy() for m in unimodal]

    def spread(margin):
        return max(margin.std(), 1e-6) if len(margin) > 1 else 1.0

    total = np.sum([np.exp(m / spread(m)) for m in unimodal], axis=0)
    return fused / spread(fused) - np.clip(np.log(total), 0, 3)


@pytest.mark.parametrize("theta", [0.0, 0.4])
def test_raw_equals_the_formula_for_three_branches(theta):
    fused, *unimodal = margins(4)
    difference = fused.numpy() - np.max([m.numpy() for m in unimodal], axis=0)
    np.testing.assert_allclose(synergy_margin(fused, unimodal, "raw").numpy(), difference, rtol=1e-6)
    expected = np.mean(np.log1p(np.exp(theta - difference.astype(float))))
    assert synergy_loss(fused, unimodal, "raw", theta).item() == pytest.approx(expected, rel=1e-5)
    assert synergy_share(fused, unimodal, "raw", theta).item() == pytest.approx(np.mean(difference > theta))


@pytest.mark.parametrize("theta", [0.0, 0.1])
@pytest.mark.parametrize("scale", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("branches", [2, 3])
def test_reference_equals_the_formula(theta, scale, branches):
    fused, *unimodal = margins(branches + 1, scale=scale)
    fused = fused + 2
    difference = reference_margin(fused, unimodal)
    np.testing.assert_allclose(synergy_margin(fused, unimodal, "reference").numpy(), difference, rtol=1e-4, atol=1e-5)
    expected = np.mean(np.log1p(np.exp(theta - difference)))
    assert synergy_loss(fused, unimodal, "reference", theta).item() == pytest.approx(expected, rel=1e-5)
    assert synergy_share(fused, unimodal, "reference", theta).item() == pytest.approx(np.mean(difference > theta))


def test_raw_with_added_scores_trains_exactly_the_weaker_branch_of_each_triple():
    first, second = (m.requires_grad_() for m in margins(2))
    loss = synergy_loss(first + second, [first, second], "raw")
    torch.testing.assert_close(loss, bpr_loss(torch.minimum(first, second)))
    loss.backward()
    weaker = first < second
    assert 0 < int(weaker.sum()) < B
    assert torch.equal(first.grad != 0, weaker)
    assert torch.equal(second.grad != 0, ~weaker)


def test_raw_lets_the_gradient_through_the_largest_margin():
    fused, *unimodal = (m.requires_grad_() for m in margins(3))
    synergy_margin(fused, unimodal, "raw").sum().backward()
    assert fused.grad.tolist() == [1] * B
    for mine, other in (unimodal, unimodal[::-1]):
        torch.testing.assert_close(mine.grad, -(mine > other).float())


def test_reference_detaches_the_reference_and_the_scale():
    fused, *unimodal = (m.requires_grad_() for m in margins(3))
    synergy_margin(fused, unimodal, "reference").sum().backward()
    assert [m.grad for m in unimodal] == [None, None]
    # A scale that were not detached would make the derivative differ from triple to triple.
    torch.testing.assert_close(fused.grad, torch.full((B,), 1 / fused.detach().numpy().std().item()))


def test_reference_is_clipped_to_between_zero_and_three():
    # Margins of one branch: the log-sum-exp is the margin itself, in standard deviations.
    outlier = torch.tensor([0.0] * 20 + [100.0, -100.0])
    fused = torch.zeros(22)
    reference = -synergy_margin(fused, [outlier], "reference")
    assert outlier[20] / outlier.std(correction=0) > 3
    assert reference[20:].tolist() == [3, 0]


def test_reference_does_not_change_with_the_scale_of_any_branch():
    fused, *unimodal = margins(3)
    scaled = [7 * unimodal[0], unimodal[1] / 3]
    torch.testing.assert_close(
        synergy_margin(100 * fused, scaled, "reference"), synergy_margin(fused, unimodal, "reference")
    )


def test_reference_never_lies_below_the_largest_scaled_margin_within_the_clip():
    fused, *unimodal = margins(3)
    largest = torch.stack([m / m.std(correction=0) for m in unimodal]).amax(0).clamp(0, 3)
    reference = fused / fused.std(correction=0) - synergy_margin(fused, unimodal, "reference")
    assert bool((reference >= largest - 1e-6).all())


def test_reference_uses_a_floor_where_all_margins_of_a_batch_are_equal():
    fused = torch.tensor([1e-7, 1e-7], requires_grad=True)
    margin = synergy_margin(fused, [torch.zeros(2), torch.zeros(2)], "reference")
    torch.testing.assert_close(margin, torch.full((2,), 0.1 - np.log(2)))
    synergy_loss(fused, [torch.zeros(2)] * 2, "reference").backward()
    assert bool(fused.grad.isfinite().all())


def test_reference_takes_a_batch_of_one_as_it_is():
    margin = synergy_margin(torch.tensor([5.0]), [torch.tensor([1.0]), torch.tensor([0.5])], "reference")
    assert margin.item() == pytest.approx(5 - np.log(np.exp(1) + np.exp(0.5)), rel=1e-6)


@pytest.mark.parametrize("form", ["raw", "reference"])
def test_a_larger_theta_costs_more_and_is_met_less_often(form):
    fused, *unimodal = margins(3)
    losses = [synergy_loss(fused, unimodal, form, theta).item() for theta in (0.0, 0.5, 2.0)]
    shares = [synergy_share(fused, unimodal, form, theta).item() for theta in (-10.0, 0.0, 10.0)]
    assert losses == sorted(losses) and losses[0] < losses[-1]
    assert shares[0] == 1 and 0 < shares[1] < 1 and shares[2] == 0


@settings(deadline=None)
@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=8), st.sampled_from(["raw", "reference"]))
def test_any_margins_give_a_finite_loss(values, form):
    fused = torch.tensor(values)
    assert bool(synergy_loss(fused, [fused / 2, fused.flip(0)], form, 0.1).isfinite())


def test_the_share_carries_no_gradient():
    fused, *unimodal = (m.requires_grad_() for m in margins(3))
    assert not synergy_share(fused, unimodal).requires_grad
