import tracemalloc
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from brmrs_graph.branches import Branches
from brmrs_graph.data import Gamma, Planted, PlantedConfig, generate_planted
from brmrs_graph.data.planted import TYPES, generate
from brmrs_graph.data.planted.config import GENERATOR
from brmrs_graph.data.planted.latents import draw_features, draw_items, draw_tastes
from brmrs_graph.diagnosis import PID, Information, information, margin_sample, pid
from brmrs_graph.errors import ConfigError

Floats = NDArray[np.float64]

SMALL = PlantedConfig(num_users=200, num_items=300, dim=8, gamma=Gamma(t=1, v=0.8, c=1.2, s=1.5, r=0.5))
NONE = dict.fromkeys(TYPES, 0.0)


@pytest.fixture(scope="module")
def small() -> Planted:
    return generate_planted(SMALL)


def all_terms(planted: Planted) -> dict[str, Floats]:
    """Every term of every pair, from the library."""
    users, items = torch.arange(planted.data.num_users), torch.arange(planted.data.num_items)
    return {letter: x.numpy() for letter, x in planted.terms(users[:, None], items[None]).items()}


def dense_terms(config: PlantedConfig) -> dict[str, Floats]:
    """Every term of every pair, written down from the definition with the dense array of all pairs."""
    z, theta = draw_items(config), draw_tastes(config)
    terms = {letter: theta[letter] @ z[letter].T for letter in "tvcr"}
    told, shown = z["s"][:, : config.dim // 2], z["s"][:, config.dim // 2 :]
    terms["s"] = np.einsum("uj,ij,ij->ui", theta["s"], told, shown)
    terms = {letter: x - x.mean(axis=1, keepdims=True) for letter, x in terms.items()}
    return {letter: x / x.std() for letter, x in terms.items()}


def dense_preference(config: PlantedConfig) -> Floats:
    gamma = asdict(config.gamma)
    preference = np.zeros((config.num_users, config.num_items))
    for letter, term in dense_terms(config).items():
        preference += gamma[letter] * term
    return preference


def positives(planted: Planted) -> NDArray[np.bool_]:
    data = planted.data
    return np.asarray((data.train + data.valid + data.test).toarray() > 0)


# --- the terms


def test_terms_are_what_a_dense_computation_of_their_definition_gives(small: Planted) -> None:
    expected = dense_terms(SMALL)
    for letter, term in all_terms(small).items():
        np.testing.assert_allclose(term, expected[letter], atol=1e-10, err_msg=letter)


def test_terms_have_mean_0_for_every_user_and_variance_1_over_all_pairs(small: Planted) -> None:
    for letter, term in all_terms(small).items():
        np.testing.assert_allclose(term.mean(axis=1), 0, atol=1e-12, err_msg=letter)
        assert term.std() == pytest.approx(1, abs=1e-10), letter


def test_terms_of_pairs_are_those_of_the_whole(small: Planted) -> None:
    users, items = torch.tensor([3, 0, 199]), torch.tensor([7, 299, 7])
    whole = all_terms(small)
    for letter, values in small.terms(users, items).items():
        assert values.shape == (3,)
        np.testing.assert_allclose(values, whole[letter][users, items], atol=1e-12)


def test_the_tables_give_the_preference_and_what_each_modality_shows_of_it_by_itself(small: Planted) -> None:
    gamma, terms = asdict(SMALL.gamma), all_terms(small)
    z, theta = draw_items(SMALL)["c"], draw_tastes(SMALL)["c"]
    halves = {"textual": theta[:, :4] @ z[:, :4].T, "visual": theta[:, 4:] @ z[:, 4:].T}
    scale = (sum(halves.values()) - sum(halves.values()).mean(axis=1, keepdims=True)).std()
    scores = {name: (users @ items.t()).numpy() for name, (users, items) in small.tables().items()}
    for name, unique in (("textual", "t"), ("visual", "v")):
        half = (halves[name] - halves[name].mean(axis=1, keepdims=True)) / scale
        expected = gamma[unique] * terms[unique] + gamma["r"] * terms["r"] + gamma["c"] * half
        np.testing.assert_allclose(scores[name], expected, atol=1e-5)
    np.testing.assert_allclose(scores["fused"], dense_preference(SMALL), atol=1e-5)
    # Neither a sum of what is shown, for the redundant term counts once, nor without the joint term.
    rest = scores["textual"] + scores["visual"] - gamma["r"] * terms["r"] + gamma["s"] * terms["s"]
    np.testing.assert_allclose(scores["fused"], rest, atol=1e-5)


# --- the interactions


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_positives_are_the_items_of_the_highest_noisy_preference(noise: float) -> None:
    config = replace(SMALL, noise=noise)
    planted = generate_planted(config)
    preference = dense_preference(config) + noise * config.stream("noise").standard_normal((200, 300))
    best = np.argsort(-preference, axis=1)[:, :20]
    expected = np.zeros((200, 300), dtype=bool)
    np.put_along_axis(expected, best, True, axis=1)
    np.testing.assert_array_equal(positives(planted), expected)


def test_the_split_of_every_user_is_16_2_2(small: Planted) -> None:
    for split, count in (("train", 16), ("valid", 2), ("test", 2)):
        matrix = small.data.split(split)
        np.testing.assert_array_equal(np.diff(matrix.indptr), count)
        assert matrix.has_sorted_indices
    assert positives(small).sum() == 200 * 20, "no pair is in two splits"


def test_the_data_set_says_what_it_is(small: Planted) -> None:
    data = small.data
    assert (data.name, data.modalities, data.synthetic) == ("planted", ("visual", "textual"), True)
    assert "synthetic" in data.summary() and "gamma t=1,v=0.8,c=1.2,s=1.5,r=0.5" in data.summary()
    assert {x.dtype for x in data.features.values()} == {torch.float32}
    assert not any(bool(x.any()) for x in data.missing.values())
    assert (len(data.user_ids), len(data.item_ids)) == (200, 300)


def test_users_of_one_style_share_their_tastes_and_others_do_not() -> None:
    alike = positives(generate_planted(replace(SMALL, styles=1, own_taste=0.0, noise=0.0)))
    assert (alike == alike[0]).all()
    own = positives(generate_planted(replace(SMALL, own_taste=1.0, noise=0.0)))
    shared = positives(generate_planted(replace(SMALL, own_taste=0.0, noise=0.0)))

    def overlap(liked: NDArray[np.bool_]) -> float:  # of the most similar other user
        common = liked.astype(float) @ liked.T
        np.fill_diagonal(common, 0)
        return float(common.max(axis=1).mean())

    assert overlap(shared) > 1.5 * overlap(own)


# --- the labels


@pytest.mark.parametrize("noise", [1.0, 10.0])
def test_every_test_pair_is_labelled_by_its_largest_contribution(noise: float) -> None:
    config = replace(SMALL, noise=noise, gamma=replace(SMALL.gamma, c=0.0))
    planted = generate_planted(config)
    terms, gamma = dense_terms(config), asdict(config.gamma)
    users, items = np.nonzero(planted.data.test.toarray())  # by user, then item
    assert len(planted.types) == len(users)
    letters = [letter for letter in TYPES if gamma[letter] > 0]
    for user, item, label in zip(users, items, planted.types, strict=True):
        assert label == max(letters, key=lambda letter: gamma[letter] * terms[letter][user, item])
    assert set(planted.types) == {"t", "v", "s", "r"}


@pytest.mark.parametrize("letter", TYPES)
@pytest.mark.parametrize("noise", [0.5, 10.0])
def test_a_single_influence_dominates_every_pair_whatever_the_noise(letter: str, noise: float) -> None:
    planted = generate_planted(replace(SMALL, noise=noise, gamma=Gamma(**NONE | {letter: 2.0})))
    assert set(planted.types) == {letter}


def test_the_stronger_an_influence_is_the_more_pairs_it_dominates() -> None:
    shares = [generate_planted(replace(SMALL, gamma=Gamma(s=s))).types.count("s") for s in (0.0, 0.5, 1.0, 2.0)]
    assert shares[0] == 0 and shares == sorted(shares) and shares[3] > 200


# --- the features


def probe(x: NDArray[np.floating], y: Floats) -> Floats:
    """Least-squares predictions of the second half of the items from the first half."""
    x = np.column_stack([x, np.ones(len(x))])
    half = len(x) // 2
    return np.asarray(x[half:] @ np.linalg.lstsq(x[:half], y[:half], rcond=None)[0])


def explained(predicted: Floats, y: Floats) -> float:
    """R² on the second half of the items."""
    y = y[len(y) - len(predicted) :]
    return float(1 - np.square(y - predicted).sum() / np.square(y - y.mean(axis=0)).sum())


@pytest.fixture(scope="module")
def many() -> Planted:
    return generate_planted(PlantedConfig(num_users=20, num_items=4000, dim=8))


@pytest.mark.parametrize(("modality", "own", "other"), [("textual", "t", "v"), ("visual", "v", "t")])
def test_a_modality_shows_its_own_influences_and_nothing_of_the_others(
    many: Planted, modality: str, own: str, other: str
) -> None:
    x, z = many.data.features[modality].numpy(), draw_items(many.config)
    mine, theirs = (slice(0, 4), slice(4, 8)) if modality == "textual" else (slice(4, 8), slice(0, 4))
    for name, shown in ((own, z[own]), ("r", z["r"]), ("c", z["c"][:, mine]), ("s", z["s"][:, mine])):
        assert explained(probe(x, shown), shown) > 0.97, name
    for name, hidden in ((other, z[other]), ("c", z["c"][:, theirs]), ("s", z["s"][:, theirs])):
        assert explained(probe(x, hidden), hidden) < 0.02, name


def test_the_joint_term_is_in_no_sum_of_the_features_but_in_the_product_of_what_they_show(many: Planted) -> None:
    features = {modality: x.numpy() for modality, x in many.data.features.items()}
    shown = {modality: x.numpy() for modality, x in many.shown.items()}
    terms = {letter: x.T for letter, x in all_terms(many).items()}  # items in rows
    both = np.concatenate([features["textual"], features["visual"]], axis=1)
    assert explained(probe(both, terms["s"]), terms["s"]) < 0.02
    for additive in "tvcr":
        assert explained(probe(both, terms[additive]), terms[additive]) > 0.97, additive
    read = {modality: probe(features[modality], shown[modality]) for modality in features}
    product = np.multiply(*read.values()) @ many.users["s"].numpy().T
    assert explained(product, terms["s"]) > 0.9


def test_not_even_the_size_of_what_one_modality_shows_tells_the_size_of_the_joint_term(many: Planted) -> None:
    size = np.square(all_terms(many)["s"]).mean(axis=0)
    for modality, shown in many.shown.items():
        x = many.data.features[modality].numpy()
        read = x @ np.linalg.lstsq(x, shown.numpy(), rcond=None)[0]
        products = np.einsum("ij,ik->ijk", read, read).reshape(len(read), -1)
        assert explained(probe(products, size), size) < 0.02, modality


# --- the decomposition of information on the true terms, before any model


@cache
def only(**gamma: float) -> Planted:
    return generate_planted(PlantedConfig(num_users=600, num_items=600, dim=8, noise=0.25, gamma=Gamma(**NONE | gamma)))


def decompose(planted: Planted) -> Information:
    """The decomposition for a model that knows the truth: X1 and X2 are margins of all that text and picture show of
    the preference by themselves, the scores of :meth:`Planted.tables`; Y tells which of the two items is liked."""
    users, items = ({name: sides[i] for name, sides in planted.tables().items()} for i in (0, 1))
    sample = margin_sample(Branches(users, items, ("visual", "textual")), planted.data)
    return information([sample], "textual", "visual", shuffles=5, resamples=2)


def parts(found: Information) -> list[float]:
    unique = [found.unique["textual"].value, found.unique["visual"].value]
    return [found.redundancy.value, *unique, found.synergy.value]


@pytest.mark.parametrize(("letter", "atom"), [("t", 1), ("v", 2), ("r", 0)])
def test_what_one_or_both_modalities_show_lands_in_its_own_atom(letter: str, atom: int) -> None:
    found = parts(decompose(only(**{letter: 1.0})))
    assert found[atom] > 0.9
    assert np.delete(found, atom) == pytest.approx(np.zeros(3), abs=0.01)


def test_what_both_show_is_redundant_and_what_one_shows_besides_is_unique_to_it() -> None:
    redundancy, textual, visual, synergy = parts(decompose(only(t=1.0, r=1.0)))
    assert redundancy > 0.5 and textual > 0.3
    assert (visual, synergy) == pytest.approx((0, 0), abs=0.01)


@pytest.mark.parametrize("gamma", [{"c": 1.0}, {"t": 1.0, "v": 1.0}])
def test_two_equally_strong_independent_parts_count_as_redundancy_and_synergy(gamma: dict[str, float]) -> None:
    """Complementary halves, and a text and a picture that each decide a half, are in neither unique atom.

    Y is one bit. The decomposition asks how well each margin tells it, not of what it tells: two margins that tell it
    equally well are exchangeable for Y, so that nothing is unique to either. What they tell alone counts as redundant,
    although it comes from independent hidden vectors, and what they tell together beyond it is synergy.
    """
    redundancy, textual, visual, synergy = parts(decompose(only(**gamma)))
    assert redundancy > 0.5 and synergy > 0.25
    assert max(textual, visual) < 0.06


def test_of_two_independent_parts_the_stronger_one_has_a_unique_share() -> None:
    redundancy, textual, visual, synergy = parts(decompose(only(t=2.0, v=1.0)))
    assert textual > redundancy > synergy > 0.05
    assert visual == pytest.approx(0, abs=0.01)


def test_no_margins_of_unimodal_scores_tell_anything_of_the_joint_influence() -> None:
    """Not only the true unimodal scores, which are 0 here, but also those of <θ_s, A z_s> and <θ_s, B z_s>."""
    planted = only(s=1.0)
    assert parts(decompose(planted)) == pytest.approx([0] * 4, abs=0.01)
    fused = planted.tables()["fused"]
    users = {name: planted.users["s"].float() for name in planted.shown} | {"fused": fused[0]}
    items = {name: x.float() for name, x in planted.shown.items()} | {"fused": fused[1]}
    sample = margin_sample(Branches(users, items, ("visual", "textual")), planted.data)
    assert information([sample], "textual", "visual", shuffles=5, resamples=2).total.value < 0.01
    assert information([sample], "textual", "fused", shuffles=5, resamples=2).unique["fused"].value > 0.7


def shown_and_order(planted: Planted, component: int) -> PID:
    """The decomposition of what the modalities *show* of the joint influence in one of its components.

    A liked item and a random other one lie before us in a random order, and Y tells which one is liked. X1 is what the
    text shows of the two items: the signs of the component of A z_s of the first and of the second, one of 4 values.
    X2 is the same for the picture, B z_s, both signs turned where the user's taste in this component is negative:
    a joint taste is a liking of equal or of opposite signs, which the user, not the picture, decides.
    """
    rng = np.random.default_rng(0)
    users, items = (np.repeat(x, 10) for x in planted.data.test.nonzero())
    others = rng.integers(0, planted.data.num_items, len(users))
    keep = ~positives(planted)[users, others]
    users, items, others = users[keep], items[keep], others[keep]
    swapped = rng.integers(0, 2, len(users)).astype(bool)
    pair = np.where(swapped, others, items), np.where(swapped, items, others)
    negative = planted.users["s"].numpy()[users, component] < 0
    text, picture = (planted.shown[name].numpy()[:, component] > 0 for name in ("textual", "visual"))
    x1 = 2 * text[pair[0]] + text[pair[1]]
    x2 = 2 * (picture[pair[0]] ^ negative) + (picture[pair[1]] ^ negative)
    table = np.zeros((4, 4, 2))
    np.add.at(table, (x1, x2, swapped.astype(int)), 1)
    return pid(table)


def test_the_joint_influence_is_synergy_of_what_the_modalities_show() -> None:
    planted = generate_planted(
        PlantedConfig(num_users=2400, num_items=600, dim=2, noise=0.05, gamma=Gamma(**NONE | {"s": 1.0}))
    )
    found = shown_and_order(planted, 0)
    # Like XOR; half a bit, because half of the other items have the liked combination of signs as well.
    assert found.synergy == pytest.approx(0.5, abs=0.03)
    assert (found.redundancy, found.unique_first, found.unique_second) == pytest.approx((0, 0, 0), abs=0.005)


@pytest.mark.parametrize("component", range(4))
def test_every_component_of_a_longer_joint_influence_is_synergy_too(component: int) -> None:
    found = shown_and_order(only(s=1.0), component)
    assert found.synergy > 0.1
    assert found.redundancy + found.unique_first + found.unique_second < 0.01


def test_what_is_shown_of_the_joint_influence_tells_nothing_where_it_has_no_strength() -> None:
    assert shown_and_order(only(t=1.0), 0).total < 0.01


# --- reproducibility and size


def same(a: Planted, b: Planted) -> bool:
    return a.data.content_hash == b.data.content_hash and a.types == b.types


def test_the_same_configuration_gives_the_same_data_and_another_seed_others(small: Planted) -> None:
    assert same(generate_planted(replace(SMALL)), small)
    assert not same(generate_planted(replace(SMALL, seed=1)), small)


def test_the_content_hash_is_that_of_the_configuration_whatever_the_last_bits_of_the_features(
    small: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "draw_features", lambda *of: draw_features(*of) * np.float32(1 + 2e-7))
    elsewhere = generate_planted(SMALL)
    assert not torch.equal(elsewhere.data.features["visual"], small.data.features["visual"])
    assert same(elsewhere, small)
    assert small.data.content_hash == "e15a9a3953f2cf01"


def test_whoever_changes_the_features_of_a_configuration_raises_the_version_of_the_generator(small: Planted) -> None:
    values = [x[row, column] for x in small.data.features.values() for row, column in ((0, 0), (150, 11), (299, 23))]
    expected = [-0.806164, -1.455293, 0.697722, 0.569692, -0.820160, 0.267604]
    assert (GENERATOR, values) == (1, pytest.approx(expected, abs=1e-5))


@pytest.mark.parametrize("option", [option.name for option in fields(PlantedConfig)])
def test_every_option_is_in_the_fingerprint(option: str) -> None:
    other = Gamma() if option == "gamma" else 2 * getattr(SMALL, option)
    assert replace(SMALL, **{option: other}).fingerprint() != SMALL.fingerprint()


def test_equal_configurations_have_one_fingerprint_however_they_are_written() -> None:
    written = PlantedConfig(gamma=Gamma(s=2, r=0), noise=1, own_taste=0)
    otherwise = PlantedConfig(gamma=Gamma(s=2.0, r=0.0), noise=1.0, own_taste=0.0)
    assert written == otherwise and written.fingerprint() == otherwise.fingerprint()


@pytest.mark.parametrize("block", [1, 7, 200, 1000])
def test_the_size_of_the_blocks_changes_nothing(small: Planted, block: int) -> None:
    assert same(generate_planted(SMALL, block=block), small)


def test_another_strength_changes_neither_items_nor_tastes(small: Planted) -> None:
    other = generate_planted(replace(SMALL, gamma=Gamma(s=3)))
    for modality, x in small.data.features.items():
        assert torch.equal(x, other.data.features[modality])
    for letter in TYPES:
        assert torch.equal(small.users[letter], other.users[letter])
        assert torch.equal(small.items[letter], other.items[letter])
    assert other.data.content_hash != small.data.content_hash


def test_no_array_of_all_users_and_items_is_held() -> None:
    config = PlantedConfig(num_users=2000, num_items=2000, dim=2)
    tracemalloc.start()
    generate_planted(config, block=50)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2000 * 2000 * 8 / 3


@settings(deadline=None, max_examples=30)
@given(
    num_users=st.integers(1, 12),
    num_items=st.integers(4, 20),
    half=st.integers(1, 3),
    gamma=st.lists(st.floats(0, 3), min_size=5, max_size=5).filter(any),
    styles=st.integers(1, 3),
    own_taste=st.floats(0, 1),
    noise=st.floats(0, 5),
)
def test_any_configuration_gives_a_whole_data_set(
    num_users: int, num_items: int, half: int, gamma: list[float], styles: int, own_taste: float, noise: float
) -> None:
    config = PlantedConfig(
        num_users, num_items, 2 * half, Gamma(*gamma), positives=3, styles=styles, own_taste=own_taste, noise=noise
    )
    planted = generate_planted(config)
    assert (positives(planted).sum(axis=1) == 3).all()
    strong = {letter for letter, value in asdict(config.gamma).items() if value > 0}
    assert len(planted.types) == planted.data.test.nnz == num_users and set(planted.types) <= strong
    for term in all_terms(planted).values():
        assert np.isfinite(term).all()
    for x in planted.data.features.values():
        assert x.shape == (num_items, 6 * half) and bool(x.isfinite().all())


def test_a_joint_influence_that_is_the_same_for_all_items_is_no_division_by_zero() -> None:
    config = PlantedConfig(num_users=3, num_items=4, dim=2, positives=3, seed=1)
    signs = draw_items(config)["s"]
    assert len(set(signs.prod(axis=1))) == 1
    assert (all_terms(generate_planted(config))["s"] == 0).all()


# --- its options


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t=1,v=1,c=1,s=1,r=1", Gamma()),
        ("s=2", Gamma(s=2)),
        (" r = 0 , t=1.5", Gamma(t=1.5, r=0)),
        ("c=1e-3", Gamma(c=0.001)),
    ],
)
def test_strengths_are_read_and_those_left_out_keep_their_default(text: str, expected: Gamma) -> None:
    assert Gamma.parse(text) == expected


@given(st.lists(st.floats(0, 1e6), min_size=5, max_size=5).filter(any))
def test_strengths_are_read_back_as_they_are_written(values: Sequence[float]) -> None:
    assert Gamma.parse(str(Gamma(*values))) == Gamma(*values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q=1", "no influence 'q'"),
        ("t=-1", "t=-1"),
        ("t=nan", "t=nan"),
        ("t=inf", "t=inf"),
        ("t=one", "t=one"),
        ("t=", "t="),
        ("t", "needs ="),
        ("", "needs ="),
        ("t=1,", "needs ="),
        ("t=1,t=2", "names it twice"),
        ("t=0,v=0,c=0,s=0,r=0", "nothing drives preferences"),
    ],
)
def test_strengths_that_cannot_be_are_named(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Gamma.parse(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_users", 0),
        ("num_items", 20),
        ("dim", 0),
        ("dim", 7),
        ("positives", 2),
        ("positives", 300),
        ("styles", 0),
        ("own_taste", 1.1),
        ("own_taste", -0.1),
        ("own_taste", float("nan")),
        ("noise", -1.0),
        ("noise", float("nan")),
        ("feature_noise", float("inf")),
        ("seed", -1),
    ],
)
def test_options_out_of_range_are_named(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"planted\.{field}|planted\.positives"):
        replace(SMALL, **{field: value})
