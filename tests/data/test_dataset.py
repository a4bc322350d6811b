from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from brmrs_graph.data import Corruption, Encoding, MultimodalDataset, csr_from_pairs
from brmrs_graph.errors import DataError


def matrix(*pairs: tuple[int, int], shape: tuple[int, int] = (2, 3)) -> Any:
    users, items = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return csr_from_pairs(users, items, shape)


def small(**changes: Any) -> MultimodalDataset:
    fields: dict[str, Any] = {
        "train": matrix((1, 2), (0, 1)),
        "valid": matrix((0, 0)),
        "test": matrix((1, 0)),
        "features": {
            "visual": torch.tensor([[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]]),
            "textual": torch.tensor([[1.0], [2.0], [3.0]]),
        },
    }
    return MultimodalDataset("small", **(fields | changes))


def test_pairs_become_a_binary_matrix_with_sorted_columns() -> None:
    found = csr_from_pairs(np.array([1, 0, 1]), np.array([2, 1, 0]), (2, 3))
    assert found.toarray().tolist() == [[0, 1, 0], [1, 0, 1]]
    assert found.indices.tolist() == [1, 0, 2]


def test_counts_edges_and_splits_agree() -> None:
    data = small()
    assert data.counts() == {"users": 2, "items": 3, "train": 2, "valid": 1, "test": 1}
    assert data.train_edges.tolist() == [[0, 1], [1, 2]]
    assert data.split("valid") is data.valid
    with pytest.raises(ValueError, match="'dev' is unknown; choose one of train, valid, test"):
        data.split("dev")


def test_masks_that_are_not_given_follow_from_rows_of_zeros() -> None:
    given = torch.tensor([False, False, True])
    data = small(missing={"textual": given})
    assert data.missing["visual"].tolist() == [False, True, False]
    assert data.missing["textual"] is given


def test_rows_that_are_missing_are_zero_whatever_was_written_there_and_rows_of_zeros_are_missing() -> None:
    x = torch.tensor([[1.0, 2.0], [torch.nan, 5.0], [0.0, 0.0]])
    data = small(features={"visual": x}, missing={"visual": torch.tensor([False, True, False])})
    assert data.features["visual"].tolist() == [[1, 2], [0, 0], [0, 0]]
    assert data.missing["visual"].tolist() == [False, True, True]
    assert x[1, 1] == 5, "what was given stays as it is"


@pytest.mark.parametrize("mask", [torch.tensor([True, False]), torch.tensor([1, 0, 0])])
def test_a_mask_that_is_not_one_truth_value_per_item_is_refused(mask: torch.Tensor) -> None:
    with pytest.raises(DataError, match=r"'small': the mask of visual .*3 items; give one truth value per item"):
        small(missing={"visual": mask})


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"test": matrix((1, 0), shape=(2, 4))}, ("test", "(2, 4)", "(2, 3)")),
        ({"features": {"visual": torch.ones(4, 2)}}, ("visual", "(4, 2)", "3 items")),
        ({"features": {"visual": torch.ones(3)}}, ("visual", "(3,)")),
        ({"features": {"visual": torch.ones(3, 0)}}, ("visual", "(3, 0)", "row of numbers")),
    ],
)
def test_shapes_that_do_not_fit_together_are_refused(changes: dict[str, Any], parts: tuple[str, ...]) -> None:
    with pytest.raises(DataError) as caught:
        small(**changes)
    for part in ("'small'", *parts):
        assert part in str(caught.value)


def test_the_summary_tells_counts_missing_shares_notes_and_that_data_are_synthetic() -> None:
    text = small(synthetic=True, notes=("something was left out",)).summary()
    for part in ("synthetic", "2 users, 3 items, 4 interactions", "66.667%", "visual: 2 dimensions, missing for 33.3%"):
        assert part in text
    assert "note: something was left out" in text and small().content_hash in text
    assert "synthetic" not in small().summary()
    assert "no item features read" in small(features={}).summary()


# --- content hash


@pytest.mark.parametrize(
    "change",
    [
        lambda data: {"train": matrix((1, 2), (0, 2))},
        lambda data: {"train": matrix((1, 2))},
        lambda data: {"valid": matrix((1, 0))},
        lambda data: {"test": data.valid, "valid": data.test},
        lambda data: {"features": data.features | {"visual": data.features["visual"] + 1e-6}},
        lambda data: {"features": {"textual": data.features["textual"]}},
        lambda data: {"features": data.features | {"visual": data.features["visual"].flip(1)}},
        lambda data: {"features": {"visual": data.features["visual"], "tags": data.features["textual"]}},
        lambda data: {"missing": data.missing | {"textual": torch.tensor([True, False, False])}},
    ],
)
def test_the_content_hash_changes_with_any_pair_feature_or_mask(
    change: Callable[[MultimodalDataset], dict[str, Any]],
) -> None:
    data = small()
    assert replace(data, **change(data)).content_hash != data.content_hash


def test_the_content_hash_changes_with_users_and_items_that_have_no_pair() -> None:
    shapes = [(2, 3), (2, 4), (3, 3)]
    splits = [[matrix(pair, shape=shape) for pair in ((0, 0), (0, 1), (0, 2))] for shape in shapes]
    hashes = {MultimodalDataset("small", *split).content_hash for split in splits}
    assert len(hashes) == len(shapes)


def test_what_vectors_were_encoded_from_stands_for_them_in_the_content_hash() -> None:
    def encoded(x: torch.Tensor, made_from: str) -> MultimodalDataset:
        return replace(small(), features={"textual": x}, missing={}, encodings={"textual": Encoding(x, made_from)})

    x = torch.rand(small().num_items, 3) + 1
    here, elsewhere = encoded(x, "a"), encoded(x + 1e-6, "a")
    assert here.content_hash == elsewhere.content_hash != encoded(x, "b").content_hash
    # What was changed since the encoder made it counts as it is.
    assert replace(here, features={"textual": x + 1}).content_hash != here.content_hash
    changed = [replace(data, features={"textual": data.features["textual"] * 2}) for data in (here, elsewhere)]
    assert changed[0].content_hash != changed[1].content_hash
    assert here.rotated(2).content_hash not in (here.content_hash, elsewhere.rotated(2).content_hash)


def test_the_content_hash_is_the_same_for_the_same_content() -> None:
    data = small()
    same = small(
        train=matrix((0, 1), (1, 2)),
        features={name: data.features[name].clone() for name in reversed(data.modalities)},
        user_ids=("a", "b"),
        notes=("a note",),
        synthetic=True,
    )
    assert same.content_hash == data.content_hash
    assert replace(same, name="other").content_hash == data.content_hash
    assert len(data.content_hash) == 16


# --- modalities


def test_only_keeps_the_modalities_asked_for_in_that_order() -> None:
    data = small()
    assert data.only(["textual", "visual"]).modalities == ("textual", "visual")
    kept = data.only(["textual"])
    assert kept.modalities == tuple(kept.missing) == ("textual",)
    assert kept.features["textual"] is data.features["textual"]
    assert kept.train is data.train


def test_a_modality_that_is_not_there_is_named_beside_those_that_are() -> None:
    for refuse in (small().only, small().require):
        with pytest.raises(DataError, match=r"'small' has no modality audio, tags \(it has: visual, textual\)"):
            refuse(["audio", "visual", "tags"])
    with pytest.raises(DataError, match="it has: none"):
        small(features={}).require(["visual"])
    small().require(["visual"])
    small().require([])


def test_a_model_that_needs_content_says_where_it_was_looked_for_and_what_runs_now() -> None:
    small().require_content("brmrs")
    with pytest.raises(DataError) as caught:
        small(features={}, looked_for=("a/image_feat.npy", "a/images")).require_content("brmrs")
    text = str(caught.value)
    for part in ("model 'brmrs'", "'small'", "a/image_feat.npy, a/images", "--model lightgcn", "--dataset boutique"):
        assert part in text
    assert "experiments.prepare --dataset small" in text


# --- rotation


def test_rotated_notes_the_energy_kept_of_what_was_rotated() -> None:
    x = torch.diag(torch.tensor([3.0, 2.0, 1.0]))
    data = small(features={"visual": x, "textual": torch.ones(3, 2)}, notes=("before",))
    rotated = data.rotated(2)
    assert rotated.features["visual"].shape == (3, 2)
    assert rotated.features["textual"] is data.features["textual"]
    before, note = rotated.notes
    assert before == "before"
    assert note == "visual features rotated from 3 to 2 dimensions, 92.9% of energy kept"  # (9 + 4) / 14


def test_rotating_to_as_many_dimensions_as_there_are_changes_nothing() -> None:
    data = small()
    assert data.rotated(2) is data


# --- imputation


def test_imputed_items_have_the_mean_of_those_that_are_there_and_count_as_present() -> None:
    data = small()
    imputed = data.imputed()
    assert imputed.features["visual"].tolist() == [[1, 2], [2, 3], [3, 4]]
    assert not imputed.missing["visual"].any() and data.missing["visual"].any()
    assert imputed.features["textual"] is data.features["textual"]
    assert imputed.content_hash != data.content_hash
    assert imputed.notes == ("visual features of 1 item that lacks them were set to the mean vector",)


def test_nothing_is_imputed_where_nothing_or_everything_is_missing() -> None:
    whole = small(features={"textual": torch.ones(3, 1)})
    assert whole.imputed() is whole
    bare = small(missing={"visual": torch.ones(3, dtype=torch.bool)})
    assert bare.imputed() is bare and bare.missing["visual"].all()


def test_blanked_pictures_become_missing_and_can_then_be_imputed() -> None:
    features = {"visual": torch.arange(1.0, 21.0).view(10, 2)}
    data = MultimodalDataset("shop", *[matrix((0, i), shape=(1, 10)) for i in range(3)], features=features)
    data = replace(data, pictures=[Path(f"{i}.jpg") for i in range(10)])
    blanked = Corruption.parse("visual:blanked:0.3").apply(data)
    lacking = blanked.missing["visual"]
    assert lacking.sum() == 3 and not blanked.features["visual"][lacking].any()
    assert [picture is None for picture in blanked.pictures or ()] == lacking.tolist()
    mean = data.features["visual"][~lacking].mean(dim=0)
    assert torch.allclose(blanked.imputed().features["visual"][lacking], mean)


def test_a_check_is_at_hand() -> None:
    assert [finding.wrong for finding in small(test=small().train).check()].count(True) == 1
