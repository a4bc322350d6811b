import numpy as np
import pytest

from brmrs_graph.data.boutique import (
    Boutique,
)


def test_counts(full: Boutique) -> None:
    config = full.config
    per_user = np.bincount(full.users, minlength=config.n_users)
    per_item = np.bincount(full.items, minlength=config.n_items)
    assert len(full.attributes) == len(full.descriptions) == config.n_items
    assert per_user.min() >= config.min_pairs
    assert per_item.min() >= config.min_item_pairs
    assert per_user.mean() == pytest.approx(config.mean_pairs, rel=0.08)
    assert np.median(per_user) < per_user.mean(), "the numbers of pairs are skewed"
    assert len(set(zip(full.users.tolist(), full.items.tolist(), strict=True))) == len(full.users)


def test_every_user_has_pairs_of_each_split(full: Boutique) -> None:
    for label in (0, 1, 2):
        assert len(set(full.users[full.x_label == label].tolist())) == full.config.n_users
