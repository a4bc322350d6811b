"""The catalogues that the tests of the boutique look at."""

import pytest

from brmrs_graph.data.boutique import Boutique, BoutiqueConfig, generate_boutique

SMALL = BoutiqueConfig(seed=3, n_items=120, n_users=150, max_pairs=40)


@pytest.fixture(scope="session")
def full() -> Boutique:
    """The one that is shipped."""
    return generate_boutique()


@pytest.fixture(scope="session")
def small() -> Boutique:
    """One that takes less time."""
    return generate_boutique(SMALL)
