from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from brmrs_graph.branches import Branches
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.data.dataset import csr_from_pairs
from brmrs_graph.diagnosis import HardMargins, hard_margins, margin_sample, margins
from brmrs_graph.errors import TrainingError
from brmrs_graph.graphs import SparseGraph
from brmrs_graph.nn.fusion import ConcatFusion


def popularity(data: MultimodalDataset, **scores: Tensor) -> Branches:
    """Branches in which every item has the same score for all users; the fused score is their sum."""
    users = {name: torch.ones(data.num_users, 1) for name in scores}
    return Branches(users, {name: x.float().unsqueeze(1) for name, x in scores.items()}, tuple(scores), ConcatFusion())


def numbered(data: MultimodalDataset) -> Branches:
    """Scores that tell which item it is."""
    ids = torch.arange(data.num_items)
    return popularity(data, a=ids, b=ids**2)


def known(data: MultimodalDataset) -> np.ndarray:
    return (data.train + data.valid + data.test).toarray() > 0


def pairs(data: MultimodalDataset, split: str = "test") -> tuple[np.ndarray, np.ndarray]:
    users, items = data.split(split).toarray().nonzero()
    return users, items


@pytest.mark.parametrize("split", ["test", "valid"])
def test_margins_are_those_of_items_that_the_user_does_not_know(checkerboard: MultimodalDataset, split: str) -> None:
    sample = margin_sample(numbered(checkerboard), checkerboard, split, negatives=50)
    users, items = pairs(checkerboard, split)
    assert sample.users[sample.row].tolist() == users.tolist()
    negatives = items[:, None] - sample.margins["a"].long().numpy()
    assert not known(checkerboard)[users[:, None], negatives].any()
    # The same triples in every branch.
    assert (sample.margins["b"].numpy() == items[:, None] ** 2 - negatives**2).all()
    assert (sample.margins["fused"] == sample.margins["a"] + sample.margins["b"]).all()
    # All 30 unknown items of a user (those of the other parity) are drawn, equally often.
    counts = np.bincount(negatives[users % 2 == 0].reshape(-1), minlength=60)
    assert counts[0::2].sum() == 0 and counts[1::2] == pytest.approx(100 * 50 / 30, abs=4 * np.sqrt(100 * 50 / 30))


def test_margins_are_differences_of_scores(toy: MultimodalDataset) -> None:
    generator = torch.Generator().manual_seed(0)
    users, items = ({m: torch.randn(n, 3, generator=generator) for m in ("visual", "textual")} for n in (14, 18))
    branches = Branches(users, items, ("visual", "textual"), ConcatFusion())
    # Who draws the same negatives in numbered branches tells which they are.
    test_users, positives = pairs(toy)
    negatives = positives[:, None] - margin_sample(numbered(toy), toy, seed=5).margins["a"].long().numpy()
    sample = margin_sample(branches, toy, seed=5)
    assert sample.modalities == ("visual", "textual") and set(sample.margins) == {"visual", "textual", "fused"}
    for m in ("visual", "textual"):
        score = (users[m] @ items[m].t()).numpy()
        expected = score[test_users, positives][:, None] - score[test_users[:, None], negatives]
        assert sample.margins[m].numpy() == pytest.approx(expected, abs=1e-5)
        assert sample.flat(m).tolist() == sample.margins[m].double().reshape(-1).tolist()
    assert sample.triple_row.tolist() == np.repeat(sample.row.numpy(), 10).tolist()


def test_the_seed_and_nothing_else_decides_the_negatives(
    toy: MultimodalDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    branches = numbered(toy)
    first, other = (margin_sample(branches, toy, seed=seed).margins["a"] for seed in (0, 1))
    monkeypatch.setattr(margins, "BLOCK", 3)
    assert (margin_sample(branches, toy).margins["a"] == first).all()
    assert (other != first).any()


def test_users_who_know_all_or_nearly_all_items() -> None:
    # User 0 knows all but item 4, user 1 all six, user 2 has no test pair, user 3 only test pairs.
    train = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 3)]
    valid = [(0, 2), (1, 3), (1, 4)]
    test = [(0, 3), (0, 5), (1, 5), (3, 0), (3, 1)]
    data = MultimodalDataset("small", *(csr_from_pairs(*np.array(x).T, (4, 6)) for x in (train, valid, test)))
    sample = margin_sample(numbered(data), data, negatives=20)
    assert sample.users.tolist() == [0, 1, 3] and sample.row.tolist() == [0, 0, 2, 2]
    negatives = torch.tensor([3, 5, 0, 1]).unsqueeze(1) - sample.margins["a"].long()
    assert (negatives[:2] == 4).all()
    assert set(negatives[2:].reshape(-1).tolist()) == {2, 3, 4, 5}
    result = hard_margins(numbered(data), data)["a", "b"].confused["pool"]
    assert result.totals[0].tolist() == [[1, 2], [0, 0], [2, 2]]  # of 3, 5, then 0 and 1 all lie below


def test_without_held_out_pairs_there_is_nothing(toy: MultimodalDataset) -> None:
    data = replace(toy, test=csr_from_pairs(np.empty(0, np.int64), np.empty(0, np.int64), toy.train.shape))
    sample = margin_sample(numbered(data), data)
    assert sample.margins["fused"].shape == (0, 10) and len(sample.users) == 0
    result = hard_margins(numbered(data), data)["a", "b"]
    assert str(result.confused["pool"].estimate(samples=5)) == "not measured" and np.isnan(result.medians["pool"]["a"])


def test_scores_that_are_no_numbers_are_refused(toy: MultimodalDataset) -> None:
    broken = popularity(toy, a=torch.full((18,), torch.nan), b=torch.ones(18))
    for measure in (margin_sample, hard_margins):
        with pytest.raises(TrainingError, match="'a'"):
            measure(broken, toy)


def independent(data: MultimodalDataset) -> tuple[Branches, dict[str, np.ndarray]]:
    rng = np.random.default_rng(4)
    scores = {name: rng.permutation(data.num_items) for name in ("a", "b")}
    return popularity(data, **{name: torch.from_numpy(x) for name, x in scores.items()}), scores


def test_pool_is_hard_in_a_and_random_in_b(checkerboard: MultimodalDataset) -> None:
    branches, scores = independent(checkerboard)
    free = ~known(checkerboard)
    results = [hard_margins(branches, checkerboard, seed=seed) for seed in range(6)]
    for a, b in (("a", "b"), ("b", "a")):
        exact: dict[str, list[list[float]]] = {"random": [], "pool": []}
        for user, positive in zip(*pairs(checkerboard), strict=True):
            items = np.flatnonzero(free[user])
            worse = np.argsort(np.argsort(scores[a][items]))  # unknown items of lower score in a
            chance = {
                "random": np.full(len(items), 1 / len(items)),
                "pool": ((worse + 1) ** 4 - worse**4) / len(items) ** 4,
            }
            confused, separated = scores[a][items] > scores[a][positive], scores[b][items] < scores[b][positive]
            for source, p in chance.items():
                exact[source].append([p @ x for x in (confused, separated, confused & separated)])
        for source, by_pair in exact.items():
            measurements = [
                [x[a, b].confused[source], x[a, b].separated[source], x[a, b].both[source]] for x in results
            ]
            found = np.mean([[m.estimate(samples=2).value for m in row] for row in measurements], axis=0)
            assert found == pytest.approx(np.mean(by_pair, axis=0), abs=0.04)
        medians = results[0][a, b].medians
        assert medians["pool"][a] < medians["random"][a] - 0.5


def test_units_are_standard_deviations_of_the_random_margins(checkerboard: MultimodalDataset) -> None:
    branches, scores = independent(checkerboard)
    result = hard_margins(branches, checkerboard)["a", "b"]
    larger = popularity(checkerboard, a=torch.from_numpy(8 * scores["a"]), b=torch.from_numpy(scores["b"]) / 4)
    other = hard_margins(larger, checkerboard)["a", "b"]
    assert other.medians == result.medians
    for source, negatives in (("random", 4), ("pool", 1)):
        for m in ("a", "b"):
            assert (other.counts[source][m] == result.counts[source][m]).all()
            assert result.counts[source][m].sum() == 200 * negatives
    middle = (margins.EDGES[:-1] + margins.EDGES[1:]) / 2
    counts = result.counts["random"]["a"]
    mean = (counts * middle).sum() / counts.sum()
    assert (counts * (middle - mean) ** 2).sum() / counts.sum() == pytest.approx(1, abs=0.02)


def test_margins_beyond_the_histogram_are_counted_at_its_ends(checkerboard: MultimodalDataset) -> None:
    # One item stands out and is seldom drawn, so that its margins are more than 5 standard deviations.
    scores = torch.zeros(60)
    scores[min(pairs(checkerboard)[1], key=pairs(checkerboard)[1].tolist().count)] = 1.0
    counts = hard_margins(popularity(checkerboard, a=scores, b=scores), checkerboard)["a", "b"].counts["random"]["a"]
    assert counts.sum() == 200 * 4 and counts[0] > 0 and counts[-1] > 0


def test_hard_items_of_a_graph_are_its_neighbours(toy: MultimodalDataset) -> None:
    # The only neighbour of item i is i + 1; the last has none. Where the user knows it, a random item stands in.
    ids = torch.arange(17)
    chain = SparseGraph.from_edges(ids, ids + 1, (18, 18))
    users, items = pairs(toy)
    with_neighbour = (items < 17) & ~np.pad(known(toy), ((0, 0), (0, 1)))[users, items + 1]
    result = hard_margins(numbered(toy), toy, neighbors={("a", "b"): chain, ("b", "a"): chain})["a", "b"]
    assert result.stand_ins["graph"] == pytest.approx(1 - with_neighbour.mean()) and result.stand_ins["pool"] == 0
    only = result.confused["graph"].totals[0][:, 0].sum()
    assert with_neighbour.sum() <= only < len(items)
    assert set(result.medians) == {"random", "pool", "graph"}


def test_every_ordered_pair_of_any_modalities(toy: MultimodalDataset) -> None:
    scores = {name: torch.randn(18, generator=torch.Generator().manual_seed(i)) for i, name in enumerate("xyz")}
    results = hard_margins(popularity(toy, **scores), toy)
    assert len(results) == 6
    for (a, b), result in results.items():
        assert isinstance(result, HardMargins) and (result.hard_in, result.separable_in) == (a, b)
        assert set(result.medians["pool"]) == {a, b}
    again = hard_margins(popularity(toy, **scores), toy)
    assert again["x", "y"].medians == results["x", "y"].medians
    assert hard_margins(popularity(toy, **scores), toy, seed=1)["x", "y"].medians != results["x", "y"].medians
