import math
from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from brmrs_graph.data import read_folder
from brmrs_graph.graphs import knn_graph
from brmrs_graph.inspection import Inconsistency, inconsistency, item_graphs
from brmrs_graph.sampling import Closeness

N, K = 30, 6
BOUTIQUE = Path(__file__).resolve().parents[2] / "datasets/boutique"


def views(x, y, missing_x=None, missing_y=None, k=K):
    """The arguments for two modalities with these features."""
    none = torch.zeros(len(x), dtype=torch.bool)
    masks = [none if mask is None else mask for mask in (missing_x, missing_y)]
    graphs = [knn_graph(z, k, missing=mask) for z, mask in zip((x, y), masks, strict=True)]
    return *graphs, *(Closeness(g, z, m) for g, z, m in zip(graphs, (x, y), masks, strict=True))


def features(seed, num_items=N, dim=4):
    return torch.randn(2, num_items, dim, generator=torch.Generator().manual_seed(seed))


def dense_z(x, missing):
    """All standardised similarities; all items that have the modality are the random ones."""
    unit = torch.nn.functional.normalize(x.double(), dim=1)
    cosine = unit @ unit.t()
    reference = cosine[:, ~missing]
    return (cosine - reference.mean(1, keepdim=True)) / reference.std(1, correction=0, keepdim=True), cosine


def spearman(x, y):
    """The rank correlation of what counts as tied in five digits."""
    return spearmanr(x.round(decimals=5), y.round(decimals=5)).statistic


@settings(deadline=None, max_examples=6)
@given(st.integers(0, 2**30), st.sampled_from([0.0, 0.4]))
@example(65518, 0.4)
@example(108007, 0.0)  # two similarities of an item are the same in five digits
def test_equals_the_formula_item_by_item(seed: int, share: float) -> None:
    x, y = features(seed)
    lacking = torch.rand(2, N, generator=torch.Generator().manual_seed(seed)) < share
    found = inconsistency(*views(x, y, *lacking))
    (z_x, cos_x), (z_y, cos_y) = dense_z(x, lacking[0]), dense_z(y, lacking[1])
    both = ~lacking.any(dim=0)
    for i in range(N):
        near = []
        for cosine, mask in ((cos_x, lacking[0]), (cos_y, lacking[1])):
            others = [j for j in range(N) if j != i and not mask[j]]
            nearest = sorted(others, key=lambda j, c=cosine: -float(c[i, j]))[:K]
            near.append([j for j in nearest if both[j]] if both[i] else [])
        length = min(map(len, near))
        a, b = (lists[:length] for lists in near)
        expected, order = [math.nan] * 2, math.nan
        if length:
            means = (z_y[i, a].mean(), z_y[i, b].mean()), (z_x[i, b].mean(), z_x[i, a].mean())
            # One whose nearest items are no closer than random ones is not measured.
            expected = [1 - float(there / best) if best > 0 else math.nan for there, best in means]
            # Nearest items that are hardly closer than random ones make a ratio too large for float32 to have to 1e-4.
            assume(not any(abs(value) > 10 for value in expected))
        if length >= 3:
            order = (spearman(cos_x[i, a], z_y[i, a]) + spearman(cos_y[i, b], z_x[i, b])) / 2
        assert [float(found.a_in_b[i]), float(found.b_in_a[i])] == pytest.approx(expected, abs=1e-4, nan_ok=True)
        assert float(found.score[i]) == pytest.approx(sum(expected) / 2, abs=1e-4, nan_ok=True)
        assert float(found.order[i]) == pytest.approx(order, abs=1e-6, nan_ok=True)


@settings(deadline=None, max_examples=4)
@given(st.integers(0, 2**30))
def test_it_is_symmetric_and_never_below_0(seed: int) -> None:
    x, y = features(seed)
    there, back = inconsistency(*views(x, y)), inconsistency(*views(y, x))
    torch.testing.assert_close(there.score, back.score)
    torch.testing.assert_close(there.order, back.order)
    assert bool((there.a_in_b >= 0).all()) and bool((there.b_in_a >= 0).all())


def test_the_same_modality_twice_is_consistent_even_where_other_items_lack_one() -> None:
    x = features(0)[0]
    missing = torch.zeros(N, dtype=torch.bool)
    missing[::3] = True
    found = inconsistency(*views(x, x, missing))
    assert found.score[~missing].tolist() == pytest.approx([0] * 20, abs=1e-6)
    assert found.order[~missing].tolist() == pytest.approx([1] * 20, nan_ok=True)


def test_of_independent_modalities_a_random_neighbourhood_is_left() -> None:
    x, y = features(1, 600, 8)
    assert inconsistency(*views(x, y, k=10)).numbers()["mean"] == pytest.approx(1, abs=0.05)


def test_an_encoder_whose_cosines_lie_close_together_changes_nothing() -> None:
    x, y = torch.nn.functional.normalize(features(2), dim=2)
    # One more dimension that is the same for all items: cos becomes (cos + 9) / 10.
    narrow = torch.cat([y, torch.full((N, 1), 3.0)], dim=1)
    expected = inconsistency(*views(x, y)).score
    torch.testing.assert_close(inconsistency(*views(x, narrow)).score, expected, atol=1e-3, rtol=0)


def test_an_item_without_a_modality_is_not_measured_and_its_neighbours_are() -> None:
    x, y = features(3)
    missing = torch.zeros(N, dtype=torch.bool)
    missing[7] = True
    found = inconsistency(*views(x, y, missing_y=missing))
    assert found.score.isnan().nonzero().flatten().tolist() == [7]
    assert found.numbers()["items"] == N - 1 and found.numbers()["not measured"] == 1
    assert f"over {N - 1} items, 1 not measured" in found.summary()


def test_modalities_that_no_item_has_both_of_are_not_measured() -> None:
    x, y = features(4)
    missing = torch.arange(N) % 2 == 0
    found = inconsistency(*views(x, y, missing, ~missing))
    assert bool(found.score.isnan().all()) and found.most(5).numel() == 0
    assert found.summary().startswith("not measured")


def test_items_that_are_all_alike_in_a_modality_are_not_measured() -> None:
    x = features(5)[0]
    assert bool(inconsistency(*views(x, torch.ones(N, 3))).a_in_b.isnan().all())


def test_the_most_inconsistent_items_come_in_order_without_those_not_measured() -> None:
    score = torch.tensor([0.2, math.nan, 0.9, 0.9, 0.0], dtype=torch.float64)
    found = Inconsistency(score, score, score)
    assert found.most(3).tolist() == [2, 3, 0]
    assert found.most(10).tolist() == [2, 3, 0, 4]


def test_it_finds_the_wrong_pictures_and_texts_of_the_built_in_catalogue() -> None:
    data = read_folder(BOUTIQUE)
    views = item_graphs(data).frozen
    closeness = (Closeness(views[m], data.features[m], data.missing[m]) for m in views)
    truth = pd.read_csv(BOUTIQUE / "attributes.csv")
    wrong = (truth[["text_fault", "picture_fault"]] != "none").any(axis=1)
    score = pd.Series(inconsistency(*views.values(), *closeness).score.numpy())
    rank, wrong = score[score.notna()].rank(), wrong[score.notna()]
    n = int(wrong.sum())
    assert n == 200
    # The chance that a wrong one scores higher than a right one (area under the ROC curve).
    assert (rank[wrong].sum() - n * (n + 1) / 2) / (n * (len(wrong) - n)) > 0.95
