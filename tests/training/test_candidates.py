from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import pytest
import torch
from torch import Tensor

from brmrs_graph.data import MultimodalDataset
from brmrs_graph.training.candidates import avoided_pairs, inconsistency_graphs


def cosine(x: Tensor) -> Tensor:
    unit = x.double() / x.double().norm(dim=1, keepdim=True).clamp(min=1e-12)
    return unit @ unit.T


def nearest(x: Tensor, missing: Tensor, k: int) -> list[list[int]]:
    """The k most similar items of each, best first, among those that have the modality."""
    there = [j for j in range(len(x)) if not missing[j]]
    similarity = cosine(x)
    return [
        sorted((j for j in there if j != i), key=lambda j, i=i: -float(similarity[i, j]))[:k] if i in there else []
        for i in range(len(x))
    ]


@pytest.mark.parametrize("delta", [-0.5, 0.3, 1.0])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_every_direction_lists_what_is_close_in_one_modality_and_different_in_the_other(
    missing: float, delta: float, make_data: Callable[..., MultimodalDataset]
) -> None:
    data = make_data(("visual", "textual", "acoustic"), num_items=40, missing=missing)
    graphs = inconsistency_graphs(data, data.modalities, 12, delta)
    assert set(graphs) == set(permutations(data.modalities, 2))
    lists = {name: nearest(x, data.missing[name], 12) for name, x in data.features.items()}
    strict = 0
    for (a, b), graph in graphs.items():
        similarity, there = cosine(data.features[b]), ~data.missing[b]
        z = (similarity - similarity[:, there].mean(1, True)) / similarity[:, there].std(1, correction=0, keepdim=True)
        for i, close in enumerate(lists[a]):
            known = [j for j in close if there[i] and there[j]]
            expected = [j for j in known if j not in lists[b][i] and z[i, j] <= delta]
            strict += len(expected) >= 5
            if len(expected) < 5:
                expected = sorted(known, key=lambda j, i=i: float(similarity[i, j]))[: (len(known) + 1) // 2]
            assert set(graph.indices[graph.indptr[i] : graph.indptr[i + 1]].tolist()) == set(expected)
    assert strict > 0 or delta < 0


def pairs_of(data: MultimodalDataset, copurchased: bool, duplicates: bool) -> Tensor:
    avoided = avoided_pairs(data, copurchased, duplicates)
    assert avoided is not None
    items = torch.arange(data.num_items)
    return avoided.contains(*torch.meshgrid(items, items, indexing="ij"))


def test_copurchased_pairs_share_a_training_user(toy: MultimodalDataset) -> None:
    train = torch.from_numpy(toy.train.toarray())
    expected = (train.T @ train) > 0
    assert 0 < float(expected.float().mean()) < 1
    assert torch.equal(pairs_of(toy, True, False), expected)


def near_duplicates(toy: MultimodalDataset) -> MultimodalDataset:
    """Items 0 and 1 are alike in both modalities, 2 and 3 in one."""
    features = {name: x.clone() for name, x in toy.features.items()}
    for name, x in features.items():
        x[1] = 2 * x[0]
        if name == "visual":
            x[3] = x[2]
    return replace(toy, features=features)


def test_duplicates_are_alike_in_every_modality(toy: MultimodalDataset) -> None:
    data = near_duplicates(toy)
    close = torch.stack([cosine(x) > 0.95 for x in data.features.values()])
    expected = close.all(dim=0).fill_diagonal_(False)
    assert bool(expected[0, 1]) and bool(expected[1, 0])
    assert bool(close[0][2, 3]) and not bool(expected[2, 3])
    assert torch.equal(pairs_of(data, False, True), expected)


def test_both_guards_add_up_and_none_gives_nothing(toy: MultimodalDataset) -> None:
    data = near_duplicates(toy)
    assert torch.equal(pairs_of(data, True, True), pairs_of(data, True, False) | pairs_of(data, False, True))
    assert avoided_pairs(data, False, False) is None
