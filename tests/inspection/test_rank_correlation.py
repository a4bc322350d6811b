import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from brmrs_graph.inspection.rank_correlation import rank_correlation

edges = st.lists(st.tuples(st.integers(0, 3), st.integers(-3, 3), st.integers(-3, 3)), max_size=24)


@settings(deadline=None, max_examples=80)
@given(edges)
def test_equals_scipy_row_by_row_with_ties(triples) -> None:
    row, x, y = torch.tensor(triples, dtype=torch.int64).view(-1, 3).unbind(1)
    found = rank_correlation(row, x.float(), y.float(), 5)
    for r in range(5):
        ours = x[row == r].tolist(), y[row == r].tolist()
        defined = len(ours[0]) >= 3 and all(len(set(values)) > 1 for values in ours)
        expected = spearmanr(*ours).statistic if defined else math.nan
        assert float(found[r]) == pytest.approx(expected, nan_ok=True, abs=1e-12)
