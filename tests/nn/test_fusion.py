import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from brmrs_graph.errors import ConfigError
from brmrs_graph.nn import ConcatFusion, GateFusion, MeanFusion, MLPFusion, make_fusion

DIMS = {"visual": 3, "textual": 4, "id": 2}


def vectors(n, names=tuple(DIMS), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(n, DIMS[name], generator=generator) for name in names}


def branch_scores(users, items):
    return {name: (users[name] * items[name]).sum(-1) for name in users}


def fused_score(fusion, users, items):
    return (fusion.fuse_users(users) * fusion.fuse_items(items)).sum(-1)


def trained_gate(dims=None, scale=None):
    gate = GateFusion(DIMS if dims is None else dims, scale)
    torch.nn.init.normal_(gate.gate.weight, generator=torch.Generator().manual_seed(4))
    torch.nn.init.normal_(gate.gate.bias, generator=torch.Generator().manual_seed(5))
    return gate


@pytest.mark.parametrize(
    "fusion", [ConcatFusion(), MeanFusion(), trained_gate(), trained_gate(scale=1.0)], ids=lambda f: type(f).__name__
)
def test_combined_scores_are_the_dot_product_of_the_fused_vectors(fusion):
    users, items = vectors(6), vectors(6, seed=1)
    assert fusion.linear
    scores = branch_scores(users, items)
    torch.testing.assert_close(fusion.combine(scores, users), fused_score(fusion, users, items))
    # Several items a user, shape [B, n].
    others = vectors(6 * 5, seed=2)
    repeated = {name: x.repeat_interleave(5, 0) for name, x in users.items()}
    many = {name: score.view(6, 5) for name, score in branch_scores(repeated, others).items()}
    torch.testing.assert_close(fusion.combine(many, users), fused_score(fusion, repeated, others).view(6, 5))


def test_concat_adds_and_mean_averages_the_branch_scores():
    users, items = vectors(6), vectors(6, seed=1)
    total = sum(branch_scores(users, items).values())
    torch.testing.assert_close(fused_score(ConcatFusion(), users, items), total)
    torch.testing.assert_close(fused_score(MeanFusion(), users, items), total / 3)


@pytest.mark.parametrize("scale", [None, 1.0, 0.5])
def test_gate_weighs_branch_scores_by_a_softmax_of_the_user_alone(scale):
    gate = trained_gate(scale=scale)
    users, items = vectors(6), vectors(6, seed=1)
    logits = torch.cat(list(users.values()), 1) @ gate.gate.weight.t() + gate.gate.bias
    weights = logits.exp() / logits.exp().sum(1, keepdim=True)
    torch.testing.assert_close(gate.weights(users), weights)
    torch.testing.assert_close(gate.weights(users).sum(1), torch.ones(6))
    scores = torch.stack(list(branch_scores(users, items).values()), 1)
    expected = (3 if scale is None else scale) * (weights * scores).sum(1)
    torch.testing.assert_close(fused_score(gate, users, items), expected)
    torch.testing.assert_close(gate.fuse_items(items), torch.cat(list(items.values()), 1))


def test_an_untrained_gate_adds_the_scores_up():
    users, items = vectors(6), vectors(6, seed=1)
    torch.testing.assert_close(fused_score(GateFusion(DIMS), users, items), fused_score(ConcatFusion(), users, items))


def test_gate_counts_as_an_average_only_without_upscaling():
    assert GateFusion(DIMS, 1.0).averages
    assert not GateFusion(DIMS).averages
    assert MeanFusion.averages
    assert not ConcatFusion.averages and not MLPFusion.averages


def test_mlp_maps_each_side_on_its_own_and_is_no_sum_of_branch_scores():
    fusion = MLPFusion(DIMS, out_dim=5)
    users, items = vectors(6), vectors(6, seed=1)
    assert not fusion.linear
    for side, mlp in ((users, fusion.user_mlp), (items, fusion.item_mlp)):
        first, _, second = mlp
        hidden = (torch.cat(list(side.values()), 1) @ first.weight.t() + first.bias).clamp(min=0)
        expected = hidden @ second.weight.t() + second.bias
        fused = fusion.fuse_users(side) if mlp is fusion.user_mlp else fusion.fuse_items(side)
        assert fused.shape == (6, 5)
        torch.testing.assert_close(fused, expected)
    with pytest.raises(NotImplementedError):
        fusion.combine(branch_scores(users, items), users)


def test_mlp_keeps_the_width_of_the_concatenation_by_default():
    assert MLPFusion(DIMS).fuse_users(vectors(2)).shape == (2, 9)


@pytest.mark.parametrize("name", ["concat", "mean", "gate", "mlp"])
def test_rows_are_fused_independently_of_one_another(name):
    fusion = make_fusion(name, DIMS)
    x = vectors(6)
    some = {m: v[[4, 1]] for m, v in x.items()}
    torch.testing.assert_close(fusion.fuse_users(some), fusion.fuse_users(x)[[4, 1]])
    torch.testing.assert_close(fusion.fuse_items(some), fusion.fuse_items(x)[[4, 1]])


def test_fusions_are_made_by_name_and_an_unknown_name_is_refused():
    made = {name: type(make_fusion(name, DIMS)) for name in ("concat", "mean", "gate", "mlp")}
    assert made == {"concat": ConcatFusion, "mean": MeanFusion, "gate": GateFusion, "mlp": MLPFusion}
    assert make_fusion("gate", DIMS, 1.0).scale == 1.0
    with pytest.raises(ConfigError, match="'sum' is unknown; choose one of concat, mean, gate, mlp"):
        make_fusion("sum", DIMS)


# What the fused margin can and cannot do, from the margins of the branches alone.

margins = st.lists(st.floats(-50, 50, width=32), min_size=2, max_size=4)
two_users = {name: torch.randn(1, DIMS[name]) for name in ("visual", "textual")}


def combined(fusion, values, users=None):
    names = ["visual", "textual", "audio", "id"][: len(values)]
    scores = {name: torch.tensor([v]) for name, v in zip(names, values, strict=True)}
    return fusion.combine(scores, users or {}).item()


@settings(deadline=None)
@given(margins)
def test_the_mean_of_margins_never_exceeds_the_largest(values):
    assert combined(MeanFusion(), values) - max(values) <= 1e-5


@settings(deadline=None)
@given(margins)
def test_the_sum_of_margins_exceeds_the_largest_by_the_sum_of_all_others(values):
    others = sum(sorted(values)[:-1])
    assert combined(ConcatFusion(), values) - max(values) == pytest.approx(others, abs=1e-4)


@settings(deadline=None)
@given(st.floats(-50, 50, width=32), st.floats(-50, 50, width=32))
def test_the_sum_of_two_margins_exceeds_the_larger_by_the_smaller(first, second):
    assert combined(ConcatFusion(), [first, second]) - max(first, second) == pytest.approx(min(first, second), abs=1e-4)


@settings(deadline=None)
@given(st.floats(-50, 50, width=32), st.floats(-50, 50, width=32), st.floats(-50, 50, width=32))
def test_an_id_channel_adds_its_own_margin_to_that_of_the_weaker_modality(visual, textual, identity):
    excess = combined(ConcatFusion(), [visual, textual, identity]) - max(visual, textual)
    assert excess == pytest.approx(min(visual, textual) + identity, abs=1e-4)


@settings(deadline=None)
@given(st.floats(-50, 50, width=32), st.floats(-50, 50, width=32))
def test_a_gate_whose_weights_sum_to_one_never_exceeds_the_larger_margin(first, second):
    gate = trained_gate({"visual": 3, "textual": 4}, scale=1.0)
    assert combined(gate, [first, second], two_users) - max(first, second) <= 1e-5
