from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
import torch
from torch import Tensor

from brmrs_graph.branches import Branches, PairScores
from brmrs_graph.data import MultimodalDataset
from brmrs_graph.nn.fusion import ConcatFusion
from brmrs_graph.sampling import PairSet, UniformSampler
from brmrs_graph.training import ObjectiveConfig
from brmrs_graph.training.candidates import avoided_pairs, cross_modal_sampler, inconsistency_graphs


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


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_close_lists_what_is_close_in_both_modalities(
    missing: float, make_data: Callable[..., MultimodalDataset]
) -> None:
    data = make_data(("visual", "textual", "acoustic"), num_items=40, missing=missing)
    config = ObjectiveConfig(chns=1.0, chns_form="close", neighbors=12)
    sampler = cross_modal_sampler(config, data, data.modalities, PairSet(data.train_edges, data.num_items))
    assert sampler.form == "graph" and not sampler.far
    lists = {name: nearest(x, data.missing[name], 12) for name, x in data.features.items()}
    assert set(sampler.neighbors) == set(permutations(data.modalities, 2))
    for (a, b), graph in sampler.neighbors.items():
        assert graph.num_edges > 0
        for i in range(data.num_items):
            both = set(lists[a][i]) & set(lists[b][i])
            assert set(graph.indices[graph.indptr[i] : graph.indptr[i + 1]].tolist()) == both


def test_the_pool_offers_items_that_lack_a_modality_like_all_others(
    make_data: Callable[..., MultimodalDataset],
) -> None:
    data = make_data(num_items=40, missing=0.3)
    config = ObjectiveConfig(chns=1.0, chns_form="pool")
    sampler = cross_modal_sampler(config, data, data.modalities, PairSet(data.train_edges, data.num_items))
    generator = torch.Generator().manual_seed(0)
    users = {m: torch.randn(data.num_users, 4, generator=generator) for m in data.modalities}
    items = {m: torch.randn(data.num_items, 4, generator=generator) for m in data.modalities}
    user, positive = data.train_edges
    candidates = UniformSampler(data.train_edges, data.num_users, data.num_items).draw(user, 6, generator)
    pool = PairScores(Branches(users, items, data.modalities, ConcatFusion()), user, candidates)
    for (a, b), drawn in sampler.draw(pool, positive, generator).items():
        highest = (users[a][user].unsqueeze(1) * items[a][candidates]).sum(2).argmax(1, keepdim=True)
        assert torch.equal(drawn, candidates.gather(1, highest).squeeze(1))
        assert all(bool(data.missing[m][drawn].any()) for m in (a, b))


def test_far_judges_the_pool_by_the_neighbours_and_the_similarity_in_every_modality(
    make_data: Callable[..., MultimodalDataset],
) -> None:
    data = make_data(num_items=40, missing=0.2)
    config = ObjectiveConfig(chns=1.0, chns_form="far", chns_choice="both", neighbors=7, delta=0.4)
    sampler = cross_modal_sampler(config, data, data.modalities, PairSet(data.train_edges, data.num_items))
    assert sampler.form == "pool" and not sampler.neighbors and sampler.choice == "both"
    assert set(sampler.far) == set(data.modalities)
    rows, cols = torch.arange(40).repeat_interleave(40), torch.arange(40).repeat(40)
    for name, closeness in sampler.far.items():
        near, similarity, there = nearest(data.features[name], data.missing[name], 7), *spaces(data, name)
        z = (similarity - similarity[:, there].mean(1, True)) / similarity[:, there].std(1, correction=0, keepdim=True)
        different = closeness.different(rows, cols).view(40, 40)
        for i in range(40):
            far = {j for j in range(40) if there[i] and there[j] and j not in near[i] and z[i, j] <= 0.4}
            assert set(different[i].nonzero().squeeze(1).tolist()) == far


def spaces(data: MultimodalDataset, name: str) -> tuple[Tensor, Tensor]:
    return cosine(data.features[name]), ~data.missing[name]


@pytest.mark.parametrize(("form", "sampler"), [("pool", "pool"), ("graph", "graph"), ("hybrid", "hybrid")])
def test_the_forms_of_the_method_are_those_of_the_sampler(form: Any, sampler: str, toy: MultimodalDataset) -> None:
    config = ObjectiveConfig(chns=1.0, chns_form=form, neighbors=6, avoid_copurchased=True)
    made = cross_modal_sampler(config, toy, toy.modalities, PairSet(toy.train_edges, toy.num_items))
    assert made.form == sampler and made.choice == "confused" and not made.far
    assert made.avoid is not None and bool(made.neighbors) == (form != "pool")


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
