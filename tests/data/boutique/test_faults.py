from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from brmrs_graph.data.boutique import (
    Boutique,
)
from brmrs_graph.data.boutique.faults import sample_faults


def test_fault_shares_are_exact(full: Boutique) -> None:
    config = full.config
    for shares, faults in (
        (config.text_shares, full.text_faults),
        (config.picture_shares, full.picture_faults),
    ):
        counts = Counter(faults.fault)
        for name, share in shares.items():
            assert counts[name] == round(share * config.n_items)
        assert counts["none"] == config.n_items - sum(counts[name] for name in shares)


@given(st.integers(0, 60), st.floats(0, 0.5), st.floats(0, 0.5), st.integers(0, 2**32))
def test_faults_carry_the_right_sources(n_items: int, swapped: float, gone: float, seed: int) -> None:
    faults = sample_faults(n_items, {"swapped": swapped, "gone": gone}, np.random.default_rng(seed))
    for item, (fault, source) in enumerate(zip(faults.fault, faults.source.tolist(), strict=True)):
        if fault == "swapped":
            assert source != item and faults.fault[source] == "swapped"
        else:
            assert source == (-1 if fault == "gone" else item)
    carried = [source for source in faults.source.tolist() if source >= 0]
    assert len(set(carried)) == len(carried), "nothing is carried twice"
