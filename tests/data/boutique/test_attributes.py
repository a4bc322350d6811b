from collections import Counter

import numpy as np

from brmrs_graph.data.boutique import (
    JOINT,
    VOCABULARY,
    Boutique,
)


def test_attributes_are_balanced_and_independent(full: Boutique) -> None:
    for name, values in VOCABULARY.items():
        assert np.ptp(np.bincount(full.attributes.codes[name], minlength=len(values))) <= 1
    told, shown = (full.attributes.codes[name] for name in JOINT)
    assert set(Counter(zip(told.tolist(), shown.tolist(), strict=True)).values()) == {full.config.n_items // 60}
