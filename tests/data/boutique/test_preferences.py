from dataclasses import replace

import numpy as np
import pytest

from brmrs_graph.data.boutique import (
    JOINT,
    VOCABULARY,
    Boutique,
    generate_boutique,
)
from brmrs_graph.data.boutique.preferences import double_centre
from tests.data.boutique.conftest import SMALL


def explained(target: np.ndarray, codes: list[np.ndarray]) -> np.ndarray:
    """Share of each user's variance over garments that an additive model of the codes explains."""
    design = np.column_stack([np.ones(target.shape[1]), *(np.eye(code.max() + 1)[code] for code in codes)])
    target = target - target.mean(axis=1, keepdims=True)
    fitted = design @ np.linalg.lstsq(design, target.T, rcond=None)[0]
    return np.asarray(np.square(fitted).sum(axis=0) / np.square(target).sum(axis=1))


def test_joint_tastes_are_pure_interactions(full: Boutique) -> None:
    for axis in (1, 2):
        np.testing.assert_allclose(full.tastes.joint.mean(axis=axis), 0, atol=1e-12)
    np.testing.assert_allclose(full.tastes.joint.std(axis=(1, 2)), 1)


def test_double_centring_keeps_the_interaction_and_only_that() -> None:
    rng = np.random.default_rng(0)
    additive = rng.normal(size=(3, 6, 1)) + rng.normal(size=(3, 1, 10))
    interaction = double_centre(rng.normal(size=(3, 6, 10)))
    np.testing.assert_allclose(double_centre(additive), 0, atol=1e-12)
    np.testing.assert_allclose(double_centre(interaction + additive), interaction, atol=1e-12)


def test_no_sum_of_unimodal_terms_explains_the_joint_term(full: Boutique) -> None:
    codes, terms = full.attributes.codes, full.utility_terms()
    some_users = slice(0, 200)
    joint = terms["joint"][some_users]
    told, shown = (codes[name] for name in JOINT)
    assert explained(joint, [told, shown]).max() < 1e-10, "the balanced design makes this exact"
    # All other attributes together explain what so many random columns would of so few garments.
    columns = sum(len(values) - 1 for values in VOCABULARY.values())
    assert explained(joint, list(codes.values())).mean() < 1.5 * columns / len(told)
    assert explained(joint, [told * 10 + shown]).min() > 1 - 1e-10


def test_additive_terms_are_explained_by_their_own_attributes(full: Boutique) -> None:
    codes, terms = full.attributes.codes, full.utility_terms()
    for term, names in {"picture": ("colour", "pattern"), "text": ("material", "occasion", "care")}.items():
        assert explained(terms[term][:100], [codes[name] for name in names]).min() > 1 - 1e-10
    for term in ("shared", "picture", "text", "joint"):
        assert terms[term].std() == pytest.approx(1, abs=0.05)


def test_choices_follow_the_true_utility_whatever_the_faults(small: Boutique) -> None:
    chosen = small.utility()[small.users, small.items].mean()
    assert chosen > small.utility().mean() + 1.5
    flawless = generate_boutique(
        replace(SMALL, text_filler_share=0.0, text_swapped_share=0.0, picture_missing_share=0.0)
    )
    np.testing.assert_array_equal(flawless.items, small.items)


def test_users_of_a_style_share_tastes(full: Boutique) -> None:
    styles = full.tastes.styles
    pure = styles.max(axis=1) > 0.9
    style, joint = styles[pure].argmax(axis=1), full.tastes.joint[pure].reshape(pure.sum(), -1)
    alike = joint @ joint.T / joint.shape[1]
    same = style[:, None] == style
    off_diagonal = ~np.eye(len(style), dtype=bool)
    assert alike[same & off_diagonal].mean() > 0.6
    assert abs(alike[~same].mean()) < 0.25
