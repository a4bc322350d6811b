from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.benchmark.sizes import SIZES, Size, data_of, random_features, random_interactions


@pytest.fixture(scope="module")
def size() -> Size:
    return Size("100k", 2000, 500, 20_000)


def test_generated_counts_are_exact(size: Size) -> None:
    data = random_interactions(size)
    assert (data.num_users, data.num_items, data.train.nnz) == (2000, 500, 20_000)
    assert data.synthetic
    assert (data.train.data == 1).all()
    assert (np.diff(data.train.indptr) >= 1).all()


def test_held_out_pairs_are_no_training_pairs(size: Size) -> None:
    data = random_interactions(size)
    assert data.train.multiply(data.valid).nnz == 0
    assert 0.8 * size.users < data.valid.nnz <= size.users
    assert np.diff(data.valid.indptr).max() == 1


def test_degrees_have_a_long_tail(size: Size) -> None:
    data = random_interactions(size)
    for degree in (np.diff(data.train.indptr), np.diff(data.train.tocsc().indptr)):
        assert degree.max() > 5 * np.median(degree) > 0


def test_generating_is_deterministic(size: Size) -> None:
    first, second, other = random_interactions(size), random_interactions(size), random_interactions(size, seed=1)
    assert first.content_hash == second.content_hash != other.content_hash


def test_impossible_sizes_are_refused() -> None:
    for pairs in (9, 51):
        with pytest.raises(ValueError, match="cannot be generated"):
            random_interactions(Size("100k", 10, 10, pairs))


def test_a_size_with_real_data_is_of_their_size_without_them(tmp_path: Path) -> None:
    data, source = data_of(SIZES["baby"], tmp_path, {"visual": 2, "textual": 3})
    assert (data.num_users, data.num_items, data.train.nnz) == (19_445, 7_050, 118_551)
    assert source == "random interactions, as many as baby has"
    assert [data.features[name].shape for name in data.modalities] == [(7050, 2), (7050, 3)]


def test_random_features_have_neighbours_that_are_nearer_than_chance() -> None:
    features = random_features(400, {"visual": 64, "textual": 8})
    assert {name: tuple(x.shape) for name, x in features.items()} == {"visual": (400, 64), "textual": (400, 8)}
    x = torch.nn.functional.normalize(features["visual"], dim=1)
    nearest = (x @ x.t()).fill_diagonal_(-1).max(dim=1).values
    noise = torch.nn.functional.normalize(torch.randn(400, 64, generator=torch.Generator().manual_seed(0)), dim=1)
    chance = (noise @ noise.t()).fill_diagonal_(-1).max(dim=1).values
    assert nearest.mean() > chance.mean() + 0.2
    assert torch.equal(random_features(400, {"visual": 64})["visual"], features["visual"])
